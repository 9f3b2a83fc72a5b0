"""Finding ids on the command line: an id, or the digits that begin one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol, TypeVar

from olaudit.errors import UsageError

MIN_DIGITS = 4
"""The shortest prefix of an id that names a finding."""

_MAX_LISTED = 5  # findings that the hint lists when several match


class Identified(Protocol):
    """Anything that identifies one finding."""

    @property
    def id(self) -> str:
        """The finding's stable id."""

    @property
    def host(self) -> str:
        """The host's name."""

    @property
    def check(self) -> str:
        """The check's id."""

    @property
    def subject(self) -> str:
        """The subject of the finding."""


IdentifiedT = TypeVar("IdentifiedT", bound=Identified)


def parse_id_prefix(text: str) -> str | None:
    """Parse `text` as an id or the prefix of one; return its digits, or None if it is neither."""
    digits = text.strip().lower()
    return digits if re.fullmatch(rf"[0-9a-f]{{{MIN_DIGITS},12}}", digits) else None


def find_by_prefix(findings: Iterable[IdentifiedT], prefix: str) -> IdentifiedT | None:
    """Find the finding whose id begins with `prefix`; None if there is none. Raises UsageError for several."""
    matches = list({finding.id: finding for finding in findings if finding.id.startswith(prefix)}.values())
    if len(matches) > 1:
        more = f"; and {len(matches) - _MAX_LISTED} more" if len(matches) > _MAX_LISTED else ""
        listed = "; ".join(f"{match.id} {describe(match)}" for match in matches[:_MAX_LISTED])
        raise UsageError(f"{len(matches)} finding ids begin with {prefix}", listed + more)
    return matches[0] if matches else None


def describe(finding: Identified) -> str:
    """Format host, check and subject of a finding, in parentheses."""
    return f"({finding.host} {finding.check} {finding.subject})"
