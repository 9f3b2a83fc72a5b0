"""Changes of a report since earlier runs: new, resolved and unobserved drift."""

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
    """A drift that ended: its last finding, when that was observed (RFC 3339 UTC), and how it ended."""

    finding: Finding
    last_seen: str
    ending: EpisodeEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class UnobservedDrift:
    """A drift that could not be observed: its last finding, and when that was observed (RFC 3339 UTC)."""

    finding: Finding
    last_seen: str

    @property
    def severity_or_waived(self) -> str:
        """The severity of the last finding, or `waived` if it was waived."""
        is_waived = self.finding.verdict is Verdict.WAIVED
        return str(Verdict.WAIVED if is_waived else self.finding.severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """Summary of one run. Counts are those of the report's summary."""

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
    """Comparison of a report with earlier runs.

    `since` is when the previous run started (RFC 3339 UTC); None: there was none. `new` holds the ids of drift
    that was not drift, or was less severe, when last observed. `unobserved` is drift that this run could not
    observe: the finding is unknown, or the host could not be audited. `newly_unknown` and `observed_again` are the
    ids of findings that became unknown, or ceased to be unknown, since the previous run. `timeline` holds the last
    runs, oldest first; the last one is this run.
    """

    since: str | None = None
    new: frozenset[str] = frozenset()
    resolved: tuple[ResolvedDrift, ...] = ()
    unobserved: tuple[UnobservedDrift, ...] = ()
    newly_unknown: frozenset[str] = frozenset()
    observed_again: frozenset[str] = frozenset()
    timeline: tuple[RunSummary, ...] = ()

    @property
    def has_changes(self) -> bool:
        """Return whether anything is new, resolved, newly unknown or observed again."""
        return bool(self.new or self.resolved or self.newly_unknown or self.observed_again)
