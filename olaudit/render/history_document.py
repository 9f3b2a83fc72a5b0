"""JSON documents of `olaudit compare` and `olaudit history`: the public models, from which JSON Schema is made."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, Self

from pydantic import AliasPath, Field, RootModel

from olaudit.history import Comparison, DriftEpisode, RunRow, Span, Subject, UnreachableSpan
from olaudit.model import EpisodeEnd, Finding, Verdict
from olaudit.render.document import DocumentModel, FailurePart, FindingPart, Time


class RunSummaryPart(DocumentModel):
    """One run, and its counts as in the report's summary."""

    id: str
    """Identifies the run, and sorts by its start."""
    started_at: Time
    complete: bool
    """False if the run was interrupted."""
    hosts: int
    unreachable: int
    """Hosts that could not be audited."""
    ok: int
    drift: int
    unknown: int
    waived: int


# --- olaudit compare ---------------------------------------------------------------------------------------------


class ResolvedFindingPart(FindingPart):
    """A drift that was resolved, as the first run reported it."""

    ending: EpisodeEnd
    """How it was resolved."""


class ObservedFindingPart(FindingPart):
    """A finding that was unknown, as the first run reported it."""

    verdict_now: Verdict
    """Its verdict in the second run."""


class ComparisonDocument(DocumentModel):
    """A comparison of two runs, `before` and `after`. Each list is sorted by host, check and subject."""

    before: RunSummaryPart
    after: RunSummaryPart
    new: tuple[FindingPart, ...]
    """Drift of the second run that was not drift in the first."""
    unchanged: tuple[FindingPart, ...]
    """Drift of both runs, as the second run reported it."""
    resolved: tuple[ResolvedFindingPart, ...]
    unobserved: tuple[FindingPart, ...]
    """Drift of the first run that the second run could not observe."""
    newly_unknown: tuple[FindingPart, ...]
    """Findings that are unknown in the second run, and were not in the first."""
    observed_again: tuple[ObservedFindingPart, ...]

    @classmethod
    def of(cls, comparison: Comparison) -> Self:
        """Build the document of a comparison."""
        values = {field.name: getattr(comparison, field.name) for field in fields(comparison)}
        values["resolved"] = tuple(_extended(finding, ending=ending) for finding, ending in comparison.resolved)
        values["observed_again"] = tuple(
            _extended(finding, verdict_now=verdict) for finding, verdict in comparison.observed_again
        )
        return cls.model_validate(values)


def _extended(finding: Finding, **values: Any) -> dict[str, Any]:
    return dict(FindingPart.model_validate(finding)) | values


# --- olaudit history ---------------------------------------------------------------------------------------------


class HistoryRunPart(RunSummaryPart):
    """One run, and how many drifts were new and resolved in it."""

    new: int
    resolved: int


class EpisodePart(DocumentModel):
    """One drift from the run that first saw it (`finding.first_seen`) to its end."""

    id: str = Field(validation_alias=AliasPath("finding", "id"))
    """The finding's id."""
    finding: FindingPart
    """The finding as last seen."""
    last_seen: Time
    """Start of the last run that saw the drift."""
    ended: Time | None
    """Start of the run that ended the episode; null while it is open."""
    ending: EpisodeEnd | None
    """How the episode ended; null while it is open."""


class SpanPart(DocumentModel):
    """Consecutive runs with the same verdict."""

    verdict: Verdict
    first: Time
    """Start of the first of these runs."""
    last: Time
    """Start of the last of these runs."""
    runs: int
    finding: FindingPart | None
    """The finding of the last of these runs; null if it was ok."""


class UnreachableSpanPart(DocumentModel):
    """Consecutive runs that could not audit a host, for the same reason."""

    first: Time
    """Start of the first of these runs."""
    last: Time
    """Start of the last of these runs."""
    runs: int
    failure: FailurePart
    """The failure of the last of these runs."""


class HostHistory(DocumentModel):
    """History of one host. The lists are sorted, oldest first."""

    host: str
    episodes: tuple[EpisodePart, ...]
    unreachable_spans: tuple[UnreachableSpanPart, ...]

    @classmethod
    def of(cls, host: str, episodes: Sequence[DriftEpisode], unreachable: Sequence[UnreachableSpan]) -> Self:
        """Build the history of a host."""
        return cls.model_validate({"host": host, "episodes": episodes, "unreachable_spans": unreachable})


class FindingHistory(DocumentModel):
    """History of one finding. The lists are sorted, oldest first."""

    id: str
    host: str
    check: str
    subject: str
    episodes: tuple[EpisodePart, ...]
    spans: tuple[SpanPart, ...]

    @classmethod
    def of(cls, subject: Subject, episodes: Sequence[DriftEpisode], spans: Sequence[Span]) -> Self:
        """Build the history of a finding."""
        return cls.model_validate({**asdict(subject), "episodes": episodes, "spans": spans})


class HistoryDocument(RootModel[tuple[HistoryRunPart, ...] | HostHistory | FindingHistory]):
    """An answer of `olaudit history`: the runs, newest first, or the history of one host or one finding."""

    @classmethod
    def of_runs(cls, rows: Sequence[RunRow]) -> Self:
        """Build the list of runs."""
        return cls(tuple(HistoryRunPart(**asdict(row.run), new=row.new, resolved=row.resolved) for row in rows))
