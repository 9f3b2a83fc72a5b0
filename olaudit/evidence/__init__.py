"""What hosts answered, reduced to what bears on findings: for history to keep, and for people to read."""

from olaudit.evidence.excerpts import excerpt
from olaudit.evidence.questions import describe_probe, manual_command
from olaudit.evidence.relevance import check_of, checker_of, extract_evidence, is_relevant, probes_of

__all__ = [
    "check_of",
    "checker_of",
    "describe_probe",
    "excerpt",
    "extract_evidence",
    "is_relevant",
    "manual_command",
    "probes_of",
]
