"""The nouns of an audit: probes and their answers, judgements, findings, and the report they end in.

Everything here is a frozen value. What could not be known is a value too (`Unanswered`, `Failure`), so that
no reader of these types can mistake "could not look" for "looked, and it was fine".

asking -> judging -> finding -> comparing -> reporting
"""

from olaudit.model.asking import (
    Answer,
    Answered,
    Answers,
    ContainerChanges,
    Engine,
    EngineProbe,
    Failure,
    HostAnswers,
    ImageLayers,
    InternalError,
    Lookup,
    Probe,
    Reached,
    Reason,
    Shell,
    Unanswered,
)
from olaudit.model.comparing import Changes, Ending, Gone, Hidden, RunSummary
from olaudit.model.finding import FLEET, Finding, Waiver, finding_id
from olaudit.model.judging import At, Judgement, Measure, Question, Severity, Verdict
from olaudit.model.reporting import HostResult, Report, Run

__all__ = [
    "FLEET",
    "Answer",
    "Answered",
    "Answers",
    "At",
    "Changes",
    "ContainerChanges",
    "Ending",
    "Engine",
    "EngineProbe",
    "Failure",
    "Finding",
    "Gone",
    "Hidden",
    "HostAnswers",
    "HostResult",
    "ImageLayers",
    "InternalError",
    "Judgement",
    "Lookup",
    "Measure",
    "Probe",
    "Question",
    "Reached",
    "Reason",
    "Report",
    "Run",
    "RunSummary",
    "Severity",
    "Shell",
    "Unanswered",
    "Verdict",
    "Waiver",
    "finding_id",
]
