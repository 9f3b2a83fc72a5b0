"""Types of an audit: probes and answers, facts, results, findings, changes and the report.

All of them are immutable values. What is unknown is a value too (`Unanswered`, `Unknown`, `Failure`), so that
"could not be checked" cannot be mistaken for "checked, and as expected".

probe -> fact -> result -> finding -> changes -> report
"""

from olaudit.model.changes import Changes, EpisodeEnd, ResolvedDrift, RunSummary, UnobservedDrift
from olaudit.model.fact import Basis, Fact, Facts, Unknown, because, known
from olaudit.model.finding import FLEET, Finding, Waiver, finding_id
from olaudit.model.probe import (
    Answer,
    Answered,
    Answers,
    Command,
    ConnectionProbe,
    ContainerChanges,
    ContainerFields,
    EngineProbe,
    EngineVersion,
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
from olaudit.model.result import (
    Check,
    Expectation,
    Measurement,
    Metric,
    Result,
    SectionPath,
    Severity,
    Verdict,
    Vote,
)

__all__ = [
    "FLEET",
    "Answer",
    "Answered",
    "Answers",
    "Basis",
    "Changes",
    "Check",
    "Command",
    "ConnectionProbe",
    "ContainerChanges",
    "ContainerFields",
    "EngineProbe",
    "EngineVersion",
    "EpisodeEnd",
    "Expectation",
    "Fact",
    "Facts",
    "Failure",
    "FailureReason",
    "Finding",
    "HostAnswers",
    "HostResult",
    "ImageLayers",
    "InternalError",
    "Lookup",
    "Measurement",
    "Metric",
    "Probe",
    "Report",
    "ResolvedDrift",
    "Result",
    "Run",
    "RunSummary",
    "SectionPath",
    "Severity",
    "Unanswered",
    "Unknown",
    "UnobservedDrift",
    "Verdict",
    "Vote",
    "Waiver",
    "because",
    "finding_id",
    "known",
]
