"""Episodes of drift from run to run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count

import pytest

from olaudit.history import FindingState, RunScope, advance
from olaudit.model import FLEET, Changes, EpisodeEnd, FailureReason, Finding, Report, Severity, Verdict
from tests.history.run_builder import (
    CHECKS,
    DISK_ID,
    HOSTS,
    REACHABLE_ID,
    SCOPE,
    UNUSED_ID,
    disk_finding,
    make_finding,
    make_report,
    start_of,
)

B_DISK_OK = replace(disk_finding("ok"), host="ol-b")


class RunSequence:
    """Consecutive runs, the first on November 1st."""

    def __init__(self) -> None:
        self.states: dict[str, FindingState] = {}
        self.number = count(1)
        self.since: str | None = None

    def run(
        self,
        *findings: Finding,
        scope: RunScope = SCOPE,
        audited: Iterable[str] = HOSTS,
        failed: Mapping[str, FailureReason] | None = None,
    ) -> tuple[Report, Changes]:
        """Advance the states by one run; return its report and its changes."""
        report = make_report(next(self.number), findings, audited=audited, failed=failed)
        self.states, after = advance(self.states, report, scope, self.since)
        self.since = report.run.started_at
        assert after.changes
        return after, after.changes


@pytest.fixture
def sequence() -> RunSequence:
    return RunSequence()


def test_a_drift_is_new_once_and_keeps_its_first_seen(sequence: RunSequence) -> None:
    sequence.run(disk_finding("ok"))
    first, changes = sequence.run(disk_finding("drift"))
    assert changes.new == {DISK_ID}
    assert first.findings[0].first_seen == start_of(2)
    second, changes = sequence.run(disk_finding("drift", "fuller"))
    assert not changes.has_changes
    assert second.findings[0].first_seen == start_of(2)
    episode = sequence.states[DISK_ID].episode
    assert episode
    assert episode.finding.observed == "fuller"


def test_a_drift_that_becomes_more_severe_is_new(sequence: RunSequence) -> None:
    critical = replace(disk_finding("drift"), severity=Severity.CRITICAL)
    sequence.run(disk_finding("drift"))
    second, changes = sequence.run(critical)
    assert changes.new == {DISK_ID}
    assert second.findings[0].first_seen == start_of(1)
    assert not sequence.run(critical)[1].has_changes
    assert not sequence.run(disk_finding("drift"))[1].has_changes


def test_drift_of_the_first_run_is_new_without_since(sequence: RunSequence) -> None:
    _, changes = sequence.run(disk_finding("drift"))
    assert changes.new == {DISK_ID}
    assert changes.since is None
    assert sequence.run(disk_finding("drift"))[1].since == start_of(1)


def test_fixed_drift_is_resolved_once_as_last_seen(sequence: RunSequence) -> None:
    sequence.run(disk_finding("drift"))
    _, changes = sequence.run(disk_finding("ok"))
    (drift,) = changes.resolved
    assert (drift.ending, drift.last_seen, drift.finding.first_seen) == (
        EpisodeEnd.FIXED,
        start_of(1),
        start_of(1),
    )
    assert drift.finding.observed == "full"
    assert not sequence.states
    assert not sequence.run(disk_finding("ok"))[1].has_changes


def test_a_drift_that_recurs_after_its_fix_is_a_new_episode(sequence: RunSequence) -> None:
    sequence.run(disk_finding("drift"))
    sequence.run(disk_finding("ok"))
    after, changes = sequence.run(disk_finding("drift"))
    assert changes.new == {DISK_ID}
    assert after.findings[0].first_seen == start_of(3)


@dataclass(frozen=True)
class RunArguments:
    """Arguments of `RunSequence.run`, by default of a run without findings."""

    findings: tuple[Finding, ...] = ()
    audited: tuple[str, ...] = ("ol-a", "ol-b")
    failed: Mapping[str, FailureReason] | None = None
    scope: RunScope = SCOPE


UNOBSERVED = {
    "its answer is unknown": RunArguments((disk_finding("unknown"),)),
    "its host is unreachable": RunArguments(audited=("ol-b",), failed={"ol-a": FailureReason.TIMEOUT}),
    "its check is not selected": RunArguments(scope=RunScope(HOSTS, CHECKS - {"disk.free"})),
    "its host is not audited": RunArguments(audited=("ol-b",)),
    "its check is unknown for another subject": RunArguments(
        (make_finding("ol-a", "disk.free", "unknown", subject="/"),)
    ),
    "its subject is unknown for another check": RunArguments((make_finding("ol-a", "disk.there", "unknown"),)),
}


@pytest.mark.parametrize("run", UNOBSERVED.values(), ids=UNOBSERVED)
def test_an_unobserved_drift_keeps_its_episode(sequence: RunSequence, run: RunArguments) -> None:
    sequence.run(disk_finding("drift"))
    before = sequence.states[DISK_ID].episode
    _, changes = sequence.run(*run.findings, scope=run.scope, audited=run.audited, failed=run.failed)
    assert sequence.states[DISK_ID].episode == before
    assert [(drift.finding.id, drift.last_seen) for drift in changes.unobserved] == [(DISK_ID, start_of(1))]
    assert not changes.resolved
    after, changes = sequence.run(disk_finding("drift"))
    assert not changes.new
    assert not changes.unobserved
    assert after.findings[0].first_seen == start_of(1)


def test_an_unknown_has_the_age_of_its_unobserved_drift(sequence: RunSequence) -> None:
    sequence.run(disk_finding("drift"))
    after, _ = sequence.run(disk_finding("unknown"))
    assert after.findings[0].first_seen == start_of(1)


def test_an_unknown_without_drift_has_the_age_of_its_span(sequence: RunSequence) -> None:
    sequence.run(disk_finding("ok"))
    sequence.run(disk_finding("unknown"))
    after, changes = sequence.run(disk_finding("unknown"))
    assert after.findings[0].first_seen == start_of(2)
    assert not changes.newly_unknown
    sequence.run(disk_finding("ok"))
    assert sequence.run(disk_finding("unknown"))[0].findings[0].first_seen == start_of(5)


REMOVED = {
    "its host was audited without the subject": RunArguments((B_DISK_OK,)),
    "its host is no longer expected": RunArguments(audited=("ol-b",), scope=RunScope(HOSTS - {"ol-a"}, CHECKS)),
    "another check is unknown for another subject": RunArguments(
        (make_finding("ol-a", "disk.there", "unknown", subject="/"),)
    ),
    "a check of another checker is unknown": RunArguments((make_finding("ol-a", "path.mode", "unknown"),)),
    "its check is unknown on another host": RunArguments((replace(disk_finding("unknown"), host="ol-b"),)),
}


@pytest.mark.parametrize("run", REMOVED.values(), ids=REMOVED)
def test_drift_of_a_removed_subject_is_resolved(sequence: RunSequence, run: RunArguments) -> None:
    sequence.run(disk_finding("drift"))
    _, changes = sequence.run(*run.findings, scope=run.scope, audited=run.audited)
    assert [(drift.finding.id, drift.ending) for drift in changes.resolved] == [(DISK_ID, EpisodeEnd.REMOVED)]
    assert DISK_ID not in sequence.states
    assert not changes.unobserved


def test_waived_drift_is_resolved_once_and_stays_open(sequence: RunSequence) -> None:
    sequence.run(disk_finding("drift"))
    after, changes = sequence.run(disk_finding("waived"))
    assert [drift.ending for drift in changes.resolved] == [EpisodeEnd.WAIVED]
    assert after.findings[0].first_seen == start_of(1)
    assert not sequence.run(disk_finding("waived"))[1].has_changes


def test_drift_with_an_expired_waiver_is_new_and_keeps_its_age(sequence: RunSequence) -> None:
    sequence.run(disk_finding("drift"))
    sequence.run(disk_finding("waived"))
    sequence.run(disk_finding("unknown"))
    after, changes = sequence.run(disk_finding("drift"))
    assert changes.new == {DISK_ID}
    assert after.findings[0].first_seen == start_of(1)


def test_drift_waived_from_the_start_is_resolved_when_fixed(sequence: RunSequence) -> None:
    after, changes = sequence.run(disk_finding("waived"))
    assert after.findings[0].first_seen == start_of(1)
    assert not changes.resolved
    assert [drift.ending for drift in sequence.run(disk_finding("ok"))[1].resolved] == [EpisodeEnd.FIXED]


def test_an_unreachable_host_is_a_change_at_start_and_end(sequence: RunSequence) -> None:
    reachable = make_finding("ol-a", "host.reachable", "ok", subject="host")
    sequence.run(reachable, disk_finding("unknown"))
    after, changes = sequence.run(audited=["ol-b"], failed={"ol-a": FailureReason.DNS})
    assert changes.newly_unknown == {REACHABLE_ID}
    assert not changes.observed_again  # the disk is still unknown
    assert after.findings[0].first_seen == start_of(2)
    assert not sequence.run(audited=["ol-b"], failed={"ol-a": FailureReason.DNS})[1].has_changes
    assert not sequence.run(audited=["ol-b"])[1].has_changes  # ol-a is not part of this run
    _, changes = sequence.run(reachable, disk_finding("unknown"))
    assert changes.observed_again == {REACHABLE_ID}
    assert not changes.newly_unknown


def test_a_fleet_finding_is_resolved_when_it_is_absent(sequence: RunSequence) -> None:
    sequence.run(make_finding(FLEET, "waiver.unused", "drift"))
    _, changes = sequence.run()
    assert [drift.finding.id for drift in changes.resolved] == [UNUSED_ID]


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [("ok drift", "drift"), ("unknown drift", "drift"), ("ok unknown", "unknown"), ("waived unknown", "unknown")],
)
def test_the_worst_of_several_findings_with_one_id_counts(
    sequence: RunSequence, verdicts: str, worst: str
) -> None:
    after, changes = sequence.run(*(disk_finding(verdict) for verdict in verdicts.split()))
    assert (changes.new == {DISK_ID}) == (worst == "drift")
    assert (changes.newly_unknown == {DISK_ID}) == (worst == "unknown")
    assert all(finding.first_seen for finding in after.findings if finding.verdict is not Verdict.OK)
