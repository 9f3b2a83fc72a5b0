"""Open state from one run to the next: episodes of drift, and rows of unknowns. Pure, and without a clock.

An episode begins with the run that first sees a drift, and continues while the finding is drift or waived. A run
that cannot observe the finding neither ends nor renews the episode. It ends only when the check's result is ok, or
when the subject no longer exists.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from olaudit.model import (
    FLEET,
    Changes,
    EpisodeEnd,
    Finding,
    Report,
    ResolvedDrift,
    RunSummary,
    Severity,
    UnobservedDrift,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class RunScope:
    """Scope of a run: all hosts of the expected files, audited or not, and the ids of the selected checks."""

    hosts: frozenset[str]
    checks: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftEpisode:
    """One drift from the run that first saw it to its end; `ended` and `ending` are None while it is open.

    `finding` is the finding as last seen (drift or waived, its `first_seen` set). `last_seen` is the start of the
    last run that saw it, `ended` the start of the run that ended it (RFC 3339 UTC).
    """

    finding: Finding
    last_seen: str
    ended: str | None = None
    ending: EpisodeEnd | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingState:
    """Open state of one finding id: its episode, the start of its row of unknowns (RFC 3339 UTC), or both."""

    host: str
    check: str
    subject: str
    episode: DriftEpisode | None = None
    unknown_since: str | None = None


FindingStates = Mapping[str, FindingState]
"""States by finding id. A finding without an open episode or unknown has no state."""

_WORST_FIRST = (Verdict.DRIFT, Verdict.UNKNOWN, Verdict.WAIVED, Verdict.OK)
_SEVERITIES = tuple(Severity)


def findings_by_id(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Index findings by id; where several share an id, choose the worst, independently of their order."""
    chosen: dict[str, Finding] = {}
    for finding in findings:
        if (other := chosen.get(finding.id)) is None or _rank(finding) < _rank(other):
            chosen[finding.id] = finding
    return chosen


def _is_more_severe(finding: Finding, other: Finding) -> bool:
    return _SEVERITIES.index(finding.severity) < _SEVERITIES.index(other.severity)


def _rank(finding: Finding) -> tuple[int, int, str, str, str]:
    """Return the sort key of a finding: verdict and severity, worst first; the texts only break ties."""
    return (
        _WORST_FIRST.index(finding.verdict),
        _SEVERITIES.index(finding.severity),
        finding.observed,
        finding.message,
        finding.expected,
    )


def advance(
    states: FindingStates, report: Report, scope: RunScope, since: str | None
) -> tuple[dict[str, FindingState], Report]:
    """Advance `states` by one run; return the new states, and the report with ages and changes.

    `since` is the start of the previous run, None if there was none. The timeline holds only this run.
    """
    now, findings = report.run.started_at, findings_by_id(report.findings)
    is_removed = _RemovedSubjects(report, scope)
    after: dict[str, FindingState] = {}
    resolved: list[ResolvedDrift] = []
    for id_, finding in findings.items():
        if finding.verdict is Verdict.OK and id_ not in states:
            continue  # nearly all findings of a large fleet
        before = states.get(id_, FindingState(host=finding.host, check=finding.check, subject=finding.subject))
        after[id_] = _next_state(before, finding, now)
        resolved.extend(_resolved(before, finding))
    for id_, state in states.items():
        if id_ not in findings and not is_removed(state):
            after[id_] = state
        elif id_ not in findings and state.episode:
            resolved.append(_resolution(state.episode, EpisodeEnd.REMOVED))
    after = {id_: state for id_, state in after.items() if state.episode or state.unknown_since}
    changes = Changes(
        since=since,
        new=frozenset(id_ for id_, finding in findings.items() if _is_new(states.get(id_), finding)),
        resolved=tuple(sorted(resolved, key=lambda drift: _sort_key(drift.finding))),
        unobserved=tuple(sorted(_unobserved(after, findings), key=lambda drift: _sort_key(drift.finding))),
        newly_unknown=frozenset(_unknown_ids(after) & findings.keys() - _unknown_ids(states)),
        observed_again=frozenset(_unknown_ids(states) & findings.keys() - _unknown_ids(after)),
        timeline=(summary(report),),
    )
    with_ages = tuple(
        finding
        if finding.verdict is Verdict.OK and finding.first_seen is None
        else replace(finding, first_seen=_first_seen(finding, after, now))
        for finding in report.findings
    )
    return after, replace(report, findings=with_ages, changes=changes)


class _RemovedSubjects:
    """Predicate for states without a finding in the report: true if the subject was removed, not unobserved."""

    def __init__(self, report: Report, scope: RunScope) -> None:
        self._expected = {*scope.hosts, FLEET}
        self._audited = {FLEET, *(host.host for host in report.hosts if host.failure is None)}
        self._checks = scope.checks
        unknown = [finding for finding in report.findings if finding.verdict is Verdict.UNKNOWN]
        self._unknown_checks = {(finding.host, finding.check) for finding in unknown}
        self._unknown_subjects = {
            (finding.host, _id_prefix(finding.check), finding.subject) for finding in unknown
        }

    def __call__(self, state: FindingState) -> bool:
        if state.host not in self._expected:
            return True
        evaluated = state.host in self._audited and state.check in self._checks
        # A check that is unknown on this host may concern this very subject, without being able to name it. And of
        # a container or path that could not be observed, one check (container.missing) reports it for all others.
        unknown_check = (state.host, state.check) in self._unknown_checks
        unknown_subject = (state.host, _id_prefix(state.check), state.subject) in self._unknown_subjects
        return evaluated and not unknown_check and not unknown_subject


def _id_prefix(check: str) -> str:
    return check.partition(".")[0]


def _next_state(before: FindingState, finding: Finding, now: str) -> FindingState:
    """Return the state of an id after a report that has a finding of it."""
    match finding.verdict:
        case Verdict.UNKNOWN:
            return replace(before, unknown_since=before.unknown_since or now)
        case Verdict.OK:
            return replace(before, episode=None, unknown_since=None)
        case Verdict.DRIFT | Verdict.WAIVED:
            first_seen = before.episode.finding.first_seen if before.episode else now
            episode = DriftEpisode(finding=replace(finding, first_seen=first_seen), last_seen=now)
            return replace(before, episode=episode, unknown_since=None)


def _resolved(before: FindingState, finding: Finding) -> Iterator[ResolvedDrift]:
    """Yield the drift that a finding resolves, if any: it ends an episode, or a waiver now accepts the drift."""
    if before.episode is None:
        return
    if finding.verdict is Verdict.OK:
        yield _resolution(before.episode, EpisodeEnd.FIXED)
    elif finding.verdict is Verdict.WAIVED and before.episode.finding.verdict is Verdict.DRIFT:
        yield _resolution(before.episode, EpisodeEnd.WAIVED)


def _resolution(episode: DriftEpisode, ending: EpisodeEnd) -> ResolvedDrift:
    return ResolvedDrift(finding=episode.finding, last_seen=episode.last_seen, ending=ending)


def _is_new(before: FindingState | None, finding: Finding) -> bool:
    """Check whether a drift is new: when last seen, there was none, or it was waived or less severe."""
    if finding.verdict is not Verdict.DRIFT:
        return False
    previous = before.episode.finding if before and before.episode else None
    return previous is None or previous.verdict is not Verdict.DRIFT or _is_more_severe(finding, previous)


def _unobserved(after: FindingStates, findings: Mapping[str, Finding]) -> Iterator[UnobservedDrift]:
    """Yield the drift with an open episode that this run did not observe."""
    for id_, state in after.items():
        if state.episode and (id_ not in findings or findings[id_].verdict is Verdict.UNKNOWN):
            yield UnobservedDrift(finding=state.episode.finding, last_seen=state.episode.last_seen)


def _unknown_ids(states: FindingStates) -> frozenset[str]:
    return frozenset(id_ for id_, state in states.items() if state.unknown_since)


def _first_seen(finding: Finding, states: FindingStates, now: str) -> str | None:
    """Return since when a finding has its verdict; None if it is ok."""
    if finding.verdict is Verdict.OK:
        return None
    state = states[finding.id]
    return state.episode.finding.first_seen if state.episode else state.unknown_since or now


def _sort_key(finding: Finding) -> tuple[str, str, str]:
    return finding.host, finding.check, finding.subject


def summary(report: Report) -> RunSummary:
    """Summarise a run."""
    return RunSummary(
        id=report.run.id,
        started_at=report.run.started_at,
        complete=report.run.complete,
        hosts=len(report.hosts),
        unreachable=report.unreachable,
        ok=report.count(Verdict.OK),
        drift=report.count(Verdict.DRIFT),
        unknown=report.count(Verdict.UNKNOWN),
        waived=report.count(Verdict.WAIVED),
    )
