"""What is open from one run to the next: the lives of drifts and the rows of unknowns. Pure, and without a clock.

A drift's life begins with the run that first sees it, and goes on while it is drift or waived. What could not be
looked at neither ends nor renews it: only a judgement does, or that there is nothing left to judge.
"""

from __future__ import annotations

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
    """What a run was about: every host of the expected files, asked or not, and every check id it was to make."""

    hosts: frozenset[str]
    checks: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftEpisode:
    """One drift from when it was first seen until it ended, or still open (`ended` and `ending` are None).

    `finding` is it as last seen (drift or waived, its `first_seen` set), `last_seen` and `ended` are the starts of
    runs (RFC 3339 UTC): the last that saw it, and the one that found it ended.
    """

    finding: Finding
    last_seen: str
    ended: str | None = None
    ending: EpisodeEnd | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingState:
    """What is open of one finding id: its drift's life, its row of unknowns (its start, RFC 3339 UTC), or both."""

    host: str
    check: str
    subject: str
    episode: DriftEpisode | None = None
    unknown_since: str | None = None


FindingStates = Mapping[str, FindingState]
"""By finding id. What has nothing open has no state."""

_WORST = (Verdict.DRIFT, Verdict.UNKNOWN, Verdict.WAIVED, Verdict.OK)
_SEVERITIES = tuple(Severity)


def verdicts(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Choose what counts for each id, where several findings share one: the worst, in whatever order they come."""
    chosen: dict[str, Finding] = {}
    for finding in findings:
        if (other := chosen.get(finding.id)) is None or _rank(finding) < _rank(other):
            chosen[finding.id] = finding
    return chosen


def _louder(finding: Finding, other: Finding) -> bool:
    return _SEVERITIES.index(finding.severity) < _SEVERITIES.index(other.severity)


def _rank(finding: Finding) -> tuple[int, int, str, str, str]:
    """Sort by loudness; what follows only settles ties."""
    loudness = _WORST.index(finding.verdict), _SEVERITIES.index(finding.severity)
    return (*loudness, finding.observed, finding.message, finding.expected)


def advance(
    states: FindingStates, report: Report, scope: RunScope, since: str | None
) -> tuple[dict[str, FindingState], Report]:
    """Take `states` one run on; give them, and the report with its findings' ages and its changes.

    `since` is the start of the run before, None where there was none. The timeline holds this run alone.
    """
    now, judged = report.run.started_at, verdicts(report.findings)
    over = _Over(report, scope)
    after: dict[str, FindingState] = {}
    gone: list[ResolvedDrift] = []
    for id_, finding in judged.items():
        before = states.get(id_, FindingState(host=finding.host, check=finding.check, subject=finding.subject))
        after[id_] = _judged(before, finding, now)
        gone.extend(_ended(before, finding))
    for id_, state in states.items():
        if id_ not in judged and not over(state):
            after[id_] = state
        elif id_ not in judged and state.episode:
            gone.append(
                ResolvedDrift(
                    finding=state.episode.finding, last_seen=state.episode.last_seen, ending=EpisodeEnd.REMOVED
                )
            )
    after = {id_: state for id_, state in after.items() if state.episode or state.unknown_since}
    changes = Changes(
        since=since,
        new=frozenset(id_ for id_, finding in judged.items() if _is_new(states.get(id_), finding)),
        resolved=tuple(sorted(gone, key=lambda one: _place(one.finding))),
        unobserved=tuple(sorted(_hidden(after, judged), key=lambda one: _place(one.finding))),
        newly_unknown=frozenset(_unknown(after) & judged.keys() - _unknown(states)),
        observed_again=frozenset(_unknown(states) & judged.keys() - _unknown(after)),
        timeline=(summary(report),),
    )
    findings = tuple(replace(finding, first_seen=_age(finding, after, now)) for finding in report.findings)
    return after, replace(report, findings=findings, changes=changes)


class _Over:
    """Says of something that is not in the report whether that is because there is nothing left to judge."""

    def __init__(self, report: Report, scope: RunScope) -> None:
        self._expected = {*scope.hosts, FLEET}
        self._audited = {FLEET, *(host.host for host in report.hosts if host.failure is None)}
        self._checks = scope.checks
        unknown = [found for found in report.findings if found.verdict is Verdict.UNKNOWN]
        self._unsure = {(found.host, found.check) for found in unknown}
        self._unseen = {(found.host, _kind(found.check), found.subject) for found in unknown}

    def __call__(self, state: FindingState) -> bool:
        if state.host not in self._expected:
            return True
        looked = state.host in self._audited and state.check in self._checks
        # a check that is unknown on this host may have meant this very subject, and could not name it; and of a
        # container or path that could not be looked at, one check says so (container.missing) for all of its kind
        unsure = (state.host, state.check) in self._unsure
        unseen = (state.host, _kind(state.check), state.subject) in self._unseen
        return looked and not unsure and not unseen


def _kind(check: str) -> str:
    return check.partition(".")[0]


def _judged(before: FindingState, finding: Finding, now: str) -> FindingState:
    """Take on the state of an id that is in the report."""
    match finding.verdict:
        case Verdict.UNKNOWN:
            return replace(before, unknown_since=before.unknown_since or now)
        case Verdict.OK:
            return replace(before, episode=None, unknown_since=None)
        case Verdict.DRIFT | Verdict.WAIVED:
            first_seen = before.episode.finding.first_seen if before.episode else now
            life = DriftEpisode(finding=replace(finding, first_seen=first_seen), last_seen=now)
            return replace(before, episode=life, unknown_since=None)


def _ended(before: FindingState, finding: Finding) -> Iterator[ResolvedDrift]:
    """Tell what a judgement ends: all of a life, or that it needs to be told as drift."""
    if before.episode is None:
        return
    was, last_seen = before.episode.finding, before.episode.last_seen
    if finding.verdict is Verdict.OK:
        yield ResolvedDrift(finding=was, last_seen=last_seen, ending=EpisodeEnd.FIXED)
    elif finding.verdict is Verdict.WAIVED and was.verdict is Verdict.DRIFT:
        yield ResolvedDrift(finding=was, last_seen=last_seen, ending=EpisodeEnd.WAIVED)


def _is_new(before: FindingState | None, finding: Finding) -> bool:
    """Say whether this is drift, and when last seen was none so severe: as expected, waived, or never judged."""
    if finding.verdict is not Verdict.DRIFT:
        return False
    was = before.episode.finding if before and before.episode else None
    return was is None or was.verdict is not Verdict.DRIFT or _louder(finding, was)


def _hidden(after: FindingStates, judged: Mapping[str, Finding]) -> Iterator[UnobservedDrift]:
    """Give the drift whose life is open though this run did not see it."""
    for id_, state in after.items():
        if state.episode and (id_ not in judged or judged[id_].verdict is Verdict.UNKNOWN):
            yield UnobservedDrift(finding=state.episode.finding, last_seen=state.episode.last_seen)


def _unknown(states: FindingStates) -> frozenset[str]:
    return frozenset(id_ for id_, state in states.items() if state.unknown_since)


def _age(finding: Finding, states: FindingStates, now: str) -> str | None:
    """Say since when it has been so. What is ok has no age."""
    if finding.verdict is Verdict.OK:
        return None
    state = states[finding.id]
    return state.episode.finding.first_seen if state.episode else state.unknown_since or now


def _place(finding: Finding) -> tuple[str, str, str]:
    return finding.host, finding.check, finding.subject


def summary(report: Report) -> RunSummary:
    """Put a run into one line."""
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
