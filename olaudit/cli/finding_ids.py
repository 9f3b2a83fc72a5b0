"""Finding ids on the command line: an id, or the digits that begin one."""

import re
from collections.abc import Iterable
from typing import TypeVar

from olaudit.errors import UsageError
from olaudit.history import Subject
from olaudit.render.document import FindingPart

MIN_DIGITS = 4
"""The shortest prefix of an id that names a finding."""

_MAX_LISTED = 5  # findings that the hint lists when several match


Identified = TypeVar("Identified", FindingPart, Subject)
"""What has the stable id of a finding, and its host, check and subject."""


def parse_id_prefix(text: str) -> str | None:
    """Parse `text` as an id or the prefix of one; return its digits, or None if it is neither."""
    digits = text.strip().lower()
    return digits if re.fullmatch(rf"[0-9a-f]{{{MIN_DIGITS},12}}", digits) else None


def find_by_prefix(findings: Iterable[Identified], prefix: str) -> Identified | None:
    """Find the finding whose id begins with `prefix`; None if there is none. Raises UsageError for several."""
    matches = list({finding.id: finding for finding in findings if finding.id.startswith(prefix)}.values())
    if len(matches) > 1:
        more = f"; and {len(matches) - _MAX_LISTED} more" if len(matches) > _MAX_LISTED else ""
        listed = "; ".join(f"{match.id} {describe(match)}" for match in matches[:_MAX_LISTED])
        raise UsageError(f"{len(matches)} finding ids begin with {prefix}", listed + more)
    return matches[0] if matches else None


def describe(finding: FindingPart | Subject) -> str:
    """Format host, check and subject of a finding, in parentheses."""
    return f"({finding.host} {finding.check} {finding.subject})"
