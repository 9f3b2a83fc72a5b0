"""Comparison of two runs: which drift is new, unchanged, resolved or unobserved. Pure."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from olaudit.model import EpisodeEnd, Finding, RunSummary, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFindings:
    """Verdicts of one run by finding id, and the complete findings of those that are not ok.

    `open` are the ids of drift whose episode was open after the run, observed or not.
    """

    run: RunSummary
    verdicts: Mapping[str, Verdict]
    findings: Mapping[str, Finding]
    open: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Differences between two runs; each finding is from the second run where it has it, else from the first.

    `unobserved` is drift of the first run that the second could not observe. Drift that the first run could not
    observe, but whose episode was open, is unchanged if the second run has it.
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
    """Compare two runs, from `before` to `after`; either may be the older one."""
    drift_before, drift_after = _with_verdict(before, Verdict.DRIFT), _with_verdict(after, Verdict.DRIFT)
    unobserved_before = {id_ for id_ in before.open if _is_unobserved(id_, before)}
    endings = {id_: _ending(id_, after) for id_ in drift_before.keys() - drift_after.keys()}
    resolved = {id_: ending for id_, ending in endings.items() if ending}
    unknown_before, unknown_after = _with_verdict(before, Verdict.UNKNOWN), _with_verdict(after, Verdict.UNKNOWN)
    observed = unknown_before.keys() & after.verdicts.keys() - unknown_after.keys()
    return Comparison(
        before=before.run,
        after=after.run,
        new=_sorted(drift_after, drift_after.keys() - drift_before.keys() - unobserved_before),
        unchanged=_sorted(drift_after, drift_after.keys() & (drift_before.keys() | unobserved_before)),
        resolved=tuple((finding, resolved[finding.id]) for finding in _sorted(drift_before, resolved.keys())),
        unobserved=_sorted(drift_before, endings.keys() - resolved.keys()),
        newly_unknown=_sorted(unknown_after, unknown_after.keys() - unknown_before.keys()),
        observed_again=tuple(
            (finding, after.verdicts[finding.id]) for finding in _sorted(unknown_before, observed)
        ),
    )


def _with_verdict(run: RunFindings, verdict: Verdict) -> dict[str, Finding]:
    return {id_: finding for id_, finding in run.findings.items() if finding.verdict is verdict}


def _is_unobserved(id_: str, run: RunFindings) -> bool:
    return run.verdicts.get(id_, Verdict.UNKNOWN) is Verdict.UNKNOWN


def _ending(id_: str, after: RunFindings) -> EpisodeEnd | None:
    """Return how a drift was resolved; None if it may persist."""
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
    return tuple(sorted(chosen, key=lambda finding: (finding.host, finding.check, finding.subject)))
