"""Findings as people name them: by an id, or by the digits that begin one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol, TypeVar

from olaudit.errors import UsageError

SHORTEST = 4
"""With how few of its digits a finding may be named."""

_NAMED = 5  # findings that a hint names, when too few digits fit several


class Named(Protocol):
    """Anything that is about one finding."""

    @property
    def id(self) -> str:
        """The finding's stable name."""

    @property
    def host(self) -> str:
        """Its host."""

    @property
    def check(self) -> str:
        """Its check."""

    @property
    def subject(self) -> str:
        """What was judged."""


N = TypeVar("N", bound=Named)


def digits_of(text: str) -> str | None:
    """Read `text` as an id or its beginning; None if it is neither."""
    digits = text.strip().lower()
    return digits if re.fullmatch(rf"[0-9a-f]{{{SHORTEST},12}}", digits) else None


def the_one(found: Iterable[N], digits: str) -> N | None:
    """Give the finding that `digits` name, None where there is none. Raises UsageError where they fit several."""
    fitting = list({one.id: one for one in found if one.id.startswith(digits)}.values())
    if len(fitting) > 1:
        more = f"; and {len(fitting) - _NAMED} more" if len(fitting) > _NAMED else ""
        few = "; ".join(f"{one.id} ({one.host} {one.check} {one.subject})" for one in fitting[:_NAMED])
        raise UsageError(f"{len(fitting)} findings' ids begin with {digits}", few + more)
    return fitting[0] if fitting else None
