"""Two runs side by side: what appeared, stayed and went between them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from olaudit.model import EpisodeEnd, Finding, RunSummary, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFindings:
    """What a run met: by finding id, every verdict it gave, and all there is of what was not ok.

    `open` are the ids of drifts whose life was open after it, seen or not.
    """

    run: RunSummary
    verdicts: Mapping[str, Verdict]
    findings: Mapping[str, Finding]
    open: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is between two runs; findings are as in the second run, where it has them, else as in the first.

    `unobserved` is drift of the first run that the second could not observe. Drift that the first run could not
    observe, and that was drift before, is unchanged where the second run has it.
    """

    before: RunSummary
    after: RunSummary
    new: tuple[Finding, ...]
    unchanged: tuple[Finding, ...]
    resolved: tuple[tuple[Finding, EpisodeEnd], ...]
    unobserved: tuple[Finding, ...]
    newly_unknown: tuple[Finding, ...]
    observed_again: tuple[tuple[Finding, Verdict], ...]


def compare(before: RunFindings, after: RunFindings) -> Comparison:
    """Put two runs side by side, from the first to the second, whichever is the older."""
    drifted, drifts = _of(before, Verdict.DRIFT), _of(after, Verdict.DRIFT)
    unseen = {id_ for id_ in before.open if before.verdicts.get(id_, Verdict.UNKNOWN) is Verdict.UNKNOWN}
    left = {id_: _ending(id_, after) for id_ in drifted.keys() - drifts.keys()}
    unsure, unsures = _of(before, Verdict.UNKNOWN), _of(after, Verdict.UNKNOWN)
    known = {id_: after.verdicts[id_] for id_ in unsure.keys() & after.verdicts.keys() - unsures.keys()}
    went = {id_: ending for id_, ending in left.items() if ending}
    return Comparison(
        before=before.run,
        after=after.run,
        new=_sorted(drifts, drifts.keys() - drifted.keys() - unseen),
        unchanged=_sorted(drifts, drifts.keys() & (drifted.keys() | unseen)),
        resolved=tuple((one, went[one.id]) for one in _sorted(drifted, went.keys())),
        unobserved=_sorted(drifted, left.keys() - went.keys()),
        newly_unknown=_sorted(unsures, unsures.keys() - unsure.keys()),
        observed_again=tuple((one, known[one.id]) for one in _sorted(unsure, known.keys())),
    )


def _of(met: RunFindings, verdict: Verdict) -> dict[str, Finding]:
    return {id_: finding for id_, finding in met.findings.items() if finding.verdict is verdict}


def _ending(id_: str, after: RunFindings) -> EpisodeEnd | None:
    """Say how a drift went; None: it may still be there."""
    match after.verdicts.get(id_):
        case Verdict.OK:
            return EpisodeEnd.FIXED
        case Verdict.WAIVED:
            return EpisodeEnd.WAIVED
        case None if id_ not in after.open:
            return EpisodeEnd.REMOVED
        case _:
            return None


def _sorted(findings: Mapping[str, Finding], ids: AbstractSet[str]) -> tuple[Finding, ...]:
    chosen = (findings[id_] for id_ in ids)
    return tuple(sorted(chosen, key=lambda one: (one.host, one.check, one.subject)))
