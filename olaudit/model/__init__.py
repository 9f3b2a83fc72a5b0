"""The nouns of an audit: probes and their answers, judgements, findings, and the report they end in.

Everything here is a frozen value. What could not be known is a value too (`Unanswered`, `Failure`), so that
no reader of these types can mistake "could not look" for "looked, and it was fine".

asking -> judging -> finding -> comparing -> reporting
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
