"""Lives of drifts, night after night."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count

import pytest

from olaudit.history import FindingState, RunScope, advance
from olaudit.model import FLEET, Changes, EpisodeEnd, FailureReason, Finding, Report, Severity, Verdict
from tests.history.run_builder import CHECKS, DISK, HOSTS, REACHABLE, SCOPE, UNUSED, disk, found, report, start

ELSEWHERE = replace(disk("ok"), host="ol-b")


class RunHistory:
    """Runs one after the other, the first on November 1st."""

    def __init__(self) -> None:
        self.states: dict[str, FindingState] = {}
        self.number = count(1)
        self.since: str | None = None

    def night(
        self,
        *findings: Finding,
        scope: RunScope = SCOPE,
        audited: Iterable[str] = HOSTS,
        failed: Mapping[str, FailureReason] | None = None,
    ) -> tuple[Report, Changes]:
        given_ = report(next(self.number), findings, audited=audited, failed=failed)
        self.states, after = advance(self.states, given_, scope, self.since)
        self.since = given_.run.started_at
        assert after.changes
        return after, after.changes


@pytest.fixture
def nights() -> RunHistory:
    return RunHistory()


def test_a_drift_is_new_once_and_keeps_the_night_it_was_first_seen(nights: RunHistory) -> None:
    nights.night(disk("ok"))
    first, changes = nights.night(disk("drift"))
    assert changes.new == {DISK}
    assert first.findings[0].first_seen == start(2)
    second, changes = nights.night(disk("drift", "fuller"))
    assert not changes.has_changes
    assert second.findings[0].first_seen == start(2)
    life = nights.states[DISK].episode
    assert life
    assert life.finding.observed == "fuller"


def test_a_drift_that_gets_more_severe_is_told_anew_with_its_age(nights: RunHistory) -> None:
    critical = replace(disk("drift"), severity=Severity.CRITICAL)
    nights.night(disk("drift"))
    second, changes = nights.night(critical)
    assert changes.new == {DISK}
    assert second.findings[0].first_seen == start(1)
    assert not nights.night(critical)[1].has_changes
    assert not nights.night(disk("drift"))[1].has_changes


def test_drift_of_the_very_first_run_is_new_and_since_nothing(nights: RunHistory) -> None:
    _, changes = nights.night(disk("drift"))
    assert changes.new == {DISK}
    assert changes.since is None
    assert nights.night(disk("drift"))[1].since == start(1)


def test_what_is_mended_is_told_once_as_it_was_last_seen(nights: RunHistory) -> None:
    nights.night(disk("drift"))
    _, changes = nights.night(disk("ok"))
    (gone,) = changes.resolved
    assert (gone.ending, gone.last_seen, gone.finding.first_seen) == (EpisodeEnd.FIXED, start(1), start(1))
    assert gone.finding.observed == "full"
    assert not nights.states
    assert not nights.night(disk("ok"))[1].has_changes


def test_a_drift_that_comes_back_after_it_was_mended_begins_a_new_life(nights: RunHistory) -> None:
    nights.night(disk("drift"))
    nights.night(disk("ok"))
    after, changes = nights.night(disk("drift"))
    assert changes.new == {DISK}
    assert after.findings[0].first_seen == start(3)


@dataclass(frozen=True)
class RunRow:
    """A night without the usual: what was found, which hosts answered, and the scope."""

    findings: tuple[Finding, ...] = ()
    audited: tuple[str, ...] = ("ol-a", "ol-b")
    failed: Mapping[str, FailureReason] | None = None
    scope: RunScope = SCOPE


HIDING = {
    "its answer is unknown": RunRow((disk("unknown"),)),
    "its host is unreachable": RunRow(audited=("ol-b",), failed={"ol-a": FailureReason.TIMEOUT}),
    "its check is left out": RunRow(scope=RunScope(HOSTS, CHECKS - {"disk.free"})),
    "its host is not asked": RunRow(audited=("ol-b",)),
    "its check is unknown of another subject": RunRow((found("ol-a", "disk.free", "unknown", subject="/"),)),
    "another check says that its subject could not be seen": RunRow((found("ol-a", "disk.there", "unknown"),)),
}


@pytest.mark.parametrize("how", HIDING)
def test_what_cannot_be_looked_at_neither_ends_nor_renews_a_drift(nights: RunHistory, how: str) -> None:
    hiding = HIDING[how]
    nights.night(disk("drift"))
    before = nights.states[DISK].episode
    _, changes = nights.night(*hiding.findings, scope=hiding.scope, audited=hiding.audited, failed=hiding.failed)
    assert nights.states[DISK].episode == before
    assert [(one.finding.id, one.last_seen) for one in changes.unobserved] == [(DISK, start(1))]
    assert not changes.resolved
    after, changes = nights.night(disk("drift"))
    assert not changes.new
    assert not changes.unobserved
    assert after.findings[0].first_seen == start(1)


def test_an_unknown_has_the_age_of_the_drift_it_hides(nights: RunHistory) -> None:
    nights.night(disk("drift"))
    after, _ = nights.night(disk("unknown"))
    assert after.findings[0].first_seen == start(1)


def test_an_unknown_that_hides_nothing_has_the_age_of_its_row(nights: RunHistory) -> None:
    nights.night(disk("ok"))
    nights.night(disk("unknown"))
    after, changes = nights.night(disk("unknown"))
    assert after.findings[0].first_seen == start(2)
    assert not changes.newly_unknown
    nights.night(disk("ok"))
    assert nights.night(disk("unknown"))[0].findings[0].first_seen == start(5)


DROPPING = {
    "its host was audited, and there is no such subject any more": RunRow((ELSEWHERE,)),
    "its host is no more expected": RunRow(audited=("ol-b",), scope=RunScope(HOSTS - {"ol-a"}, CHECKS)),
    "another check is unknown, of another subject": RunRow((found("ol-a", "disk.there", "unknown", subject="/"),)),
    "a check of another kind is unknown of the subject": RunRow((found("ol-a", "path.mode", "unknown"),)),
    "its check is unknown on another host": RunRow((replace(disk("unknown"), host="ol-b"),)),
}


@pytest.mark.parametrize("why", DROPPING)
def test_what_there_is_no_more_is_dropped(nights: RunHistory, why: str) -> None:
    dropping = DROPPING[why]
    nights.night(disk("drift"))
    _, changes = nights.night(*dropping.findings, scope=dropping.scope, audited=dropping.audited)
    assert [(one.finding.id, one.ending) for one in changes.resolved] == [(DISK, EpisodeEnd.REMOVED)]
    assert DISK not in nights.states
    assert not changes.unobserved


def test_waived_drift_is_told_as_gone_once_and_lives_on(nights: RunHistory) -> None:
    nights.night(disk("drift"))
    after, changes = nights.night(disk("waived"))
    assert [one.ending for one in changes.resolved] == [EpisodeEnd.WAIVED]
    assert after.findings[0].first_seen == start(1)
    assert not nights.night(disk("waived"))[1].has_changes


def test_drift_whose_waiver_expired_is_new_with_its_old_age(nights: RunHistory) -> None:
    nights.night(disk("drift"))
    nights.night(disk("waived"))
    nights.night(disk("unknown"))
    after, changes = nights.night(disk("drift"))
    assert changes.new == {DISK}
    assert after.findings[0].first_seen == start(1)


def test_what_was_waived_from_the_first_has_an_age_and_is_gone_when_mended(nights: RunHistory) -> None:
    after, changes = nights.night(disk("waived"))
    assert after.findings[0].first_seen == start(1)
    assert not changes.resolved
    assert [one.ending for one in nights.night(disk("ok"))[1].resolved] == [EpisodeEnd.FIXED]


def test_a_host_that_cannot_be_audited_is_news_when_it_begins_and_when_it_ends(nights: RunHistory) -> None:
    up = found("ol-a", "host.reachable", "ok", subject="host")
    nights.night(up, disk("unknown"))
    after, changes = nights.night(audited=["ol-b"], failed={"ol-a": FailureReason.DNS})
    assert changes.newly_unknown == {REACHABLE}
    assert not changes.observed_again  # nobody knows of the disk
    assert after.findings[0].first_seen == start(2)
    assert not nights.night(audited=["ol-b"], failed={"ol-a": FailureReason.DNS})[1].has_changes
    assert not nights.night(audited=["ol-b"])[1].has_changes  # was not even asked
    _, changes = nights.night(up, disk("unknown"))
    assert changes.observed_again == {REACHABLE}
    assert not changes.newly_unknown


def test_findings_of_the_fleet_end_when_they_are_no_more(nights: RunHistory) -> None:
    nights.night(found(FLEET, "waiver.unused", "drift"))
    _, changes = nights.night()
    assert [one.finding.id for one in changes.resolved] == [UNUSED]


@pytest.mark.parametrize(
    ("said", "counts"),
    [("ok drift", "drift"), ("unknown drift", "drift"), ("ok unknown", "unknown"), ("waived unknown", "unknown")],
)
def test_of_several_findings_with_one_id_the_worst_counts(nights: RunHistory, said: str, counts: str) -> None:
    after, changes = nights.night(*(disk(verdict) for verdict in said.split()))
    assert (changes.new == {DISK}) == (counts == "drift")
    assert (changes.newly_unknown == {DISK}) == (counts == "unknown")
    assert all(one.first_seen for one in after.findings if one.verdict is not Verdict.OK)
