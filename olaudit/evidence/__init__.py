"""What hosts answered, reduced to what bears on findings: for history to keep, and for people to read."""

from olaudit.evidence.bearing import bears, check_of, checker_of, evidence, probes_of
from olaudit.evidence.excerpts import excerpt
from olaudit.evidence.questions import asked, by_hand

__all__ = ["asked", "bears", "by_hand", "check_of", "checker_of", "evidence", "excerpt", "probes_of"]
