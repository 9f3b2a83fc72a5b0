"""What earlier runs say beside a report: what is new, what is gone, and what could not be seen this time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from olaudit.model.finding import Finding
from olaudit.model.result import Verdict


class EpisodeEnd(StrEnum):
    """How a drift was resolved."""

    FIXED = "fixed"
    """The same check of the same subject is as expected."""
    WAIVED = "waived"
    """The drift persists, and a waiver accepts it."""
    REMOVED = "no longer evaluated"
    """The subject is no longer on the host, or no longer in the expected files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedDrift:
    """A drift that ended: as it was last seen, when that was (RFC 3339 UTC), and how it ended."""

    finding: Finding
    last_seen: str
    ending: EpisodeEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class UnobservedDrift:
    """A drift that could not be looked at: as it was last seen, and when that was (RFC 3339 UTC)."""

    finding: Finding
    last_seen: str

    @property
    def was(self) -> str:
        """How loud it was: its severity, or that somebody answered for it."""
        waived = self.finding.verdict is Verdict.WAIVED
        return str(Verdict.WAIVED if waived else self.finding.severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One run in a line: what it looked at, and what came of it. Counts are as in the report's summary."""

    id: str
    started_at: str
    complete: bool
    hosts: int
    unreachable: int
    ok: int
    drift: int
    unknown: int
    waived: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """A report beside the runs before it.

    `since` is when the run before started (RFC 3339 UTC); None: there was none. `new` are ids of drift that was
    not drift when last seen, or less severe. `hidden` is drift this run could not look at, whether its finding is
    unknown now or its whole host. `newly_unknown` and `known_again` are ids that became, and ceased to be, unknown
    since the run before. `timeline` has the last runs, oldest first, and this one as its last.
    """

    since: str | None
    new: frozenset[str]
    resolved: tuple[ResolvedDrift, ...]
    unobserved: tuple[UnobservedDrift, ...]
    newly_unknown: frozenset[str]
    observed_again: frozenset[str]
    timeline: tuple[RunSummary, ...]

    @property
    def any(self) -> bool:
        """Say whether there is anything to tell that was not told before."""
        return bool(self.new or self.resolved or self.newly_unknown or self.observed_again)
