"""Types of an audit: probes and answers, results, findings, changes and the report.

All of them are immutable values. What is unknown is a value too (`Unanswered`, `Failure`), so that "could not be
checked" cannot be mistaken for "checked, and as expected".

probe -> result -> finding -> changes -> report
"""

from olaudit.model.changes import Changes, EpisodeEnd, ResolvedDrift, RunSummary, UnobservedDrift
from olaudit.model.finding import FLEET, Finding, Waiver, finding_id
from olaudit.model.probe import (
    Answer,
    Answered,
    Answers,
    Command,
    ConnectionProbe,
    ContainerChanges,
    EngineProbe,
    EngineQuery,
    Failure,
    FailureReason,
    HostAnswers,
    ImageLayers,
    InternalError,
    Lookup,
    Probe,
    Unanswered,
)
from olaudit.model.report import HostResult, Report, Run
from olaudit.model.result import Expectation, Measurement, Result, SectionPath, Severity, Verdict

__all__ = [
    "FLEET",
    "Answer",
    "Answered",
    "Answers",
    "Changes",
    "Command",
    "ConnectionProbe",
    "ContainerChanges",
    "EngineProbe",
    "EngineQuery",
    "EpisodeEnd",
    "Expectation",
    "Failure",
    "FailureReason",
    "Finding",
    "HostAnswers",
    "HostResult",
    "ImageLayers",
    "InternalError",
    "Lookup",
    "Measurement",
    "Probe",
    "Report",
    "ResolvedDrift",
    "Result",
    "Run",
    "RunSummary",
    "SectionPath",
    "Severity",
    "Unanswered",
    "UnobservedDrift",
    "Verdict",
    "Waiver",
    "finding_id",
]
