"""Evidence of findings: the probes, and the parts of their answers, that a finding rests on."""

from olaudit.evidence.excerpts import excerpt
from olaudit.evidence.probe_text import describe_probe, manual_command
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
