"""Evidence of findings: the answers that a finding is based on, reduced for storage and display."""

from olaudit.evidence.excerpts import excerpt
from olaudit.evidence.probe_text import describe_probe, manual_command
from olaudit.evidence.reduction import extract_evidence, reduce

__all__ = ["describe_probe", "excerpt", "extract_evidence", "manual_command", "reduce"]
