"""What holds of lives whatever the nights were."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from olaudit.history import FindingState, advance
from olaudit.model import FLEET, FailureReason, Finding, Report, Verdict
from tests.history.run_builder import HOSTS, SCOPE, found, report

VERDICTS = st.sampled_from(["ok", "drift", "unknown", "waived"])
FINDINGS = st.lists(
    st.builds(
        lambda host, check, subject, verdict: found(host, check, verdict, subject=subject),
        st.sampled_from(["ol-a", "ol-b", FLEET]),
        st.sampled_from(["disk.free", "path.mode"]),
        st.sampled_from(["/x", "/y"]),
        VERDICTS,
    ),
    max_size=8,
)
AUDITED = st.sets(st.sampled_from(sorted(HOSTS)))
NIGHT = st.tuples(FINDINGS, AUDITED)
PAST = st.lists(NIGHT, max_size=6)


def _reports(past: list[tuple[list[Finding], set[str]]]) -> list[Report]:
    """Make reports as an audit could: hosts that are not audited failed, and say nothing else."""
    return [
        report(
            number,
            [one for one in findings if one.host in {*audited, FLEET}],
            audited=audited,
            failed=dict.fromkeys(HOSTS - audited, FailureReason.TIMEOUT),
        )
        for number, (findings, audited) in enumerate(past, 1)
    ]


def _live(reports: list[Report]) -> dict[str, FindingState]:
    states: dict[str, FindingState] = {}
    for one in reports:
        states, _ = advance(states, one, SCOPE, None)
    return states


@given(PAST, NIGHT, st.randoms())
def test_the_order_of_hosts_and_findings_does_not_matter(
    past: list[tuple[list[Finding], set[str]]], night: tuple[list[Finding], set[str]], chance: Random
) -> None:
    *before, last = _reports([*past, night])
    states = _live(before)
    findings, hosts = list(last.findings), list(last.hosts)
    chance.shuffle(findings)
    chance.shuffle(hosts)
    after, one = advance(states, last, SCOPE, None)
    shuffled = replace(last, findings=tuple(findings), hosts=tuple(hosts))
    other_after, other = advance(states, shuffled, SCOPE, None)
    assert after == other_after
    assert one.changes == other.changes
    assert set(one.findings) == set(other.findings)


@given(PAST)
def test_a_night_that_sees_nothing_changes_no_life(past: list[tuple[list[Finding], set[str]]]) -> None:
    states = _live(_reports(past))
    blind = report(
        28,
        [
            found(state.host, state.check, "unknown", subject="?")
            for state in states.values()
            if state.host == FLEET
        ],
        audited=[],
        failed=dict.fromkeys(HOSTS, FailureReason.TIMEOUT),
    )
    after, seen = advance(states, blind, SCOPE, None)
    lives = {id_: state.episode for id_, state in states.items() if state.episode}
    assert {id_: state.episode for id_, state in after.items() if state.episode} == lives
    assert seen.changes
    assert not seen.changes.resolved
    assert {one.finding.id for one in seen.changes.unobserved} == lives.keys()


@given(PAST)
def test_an_age_never_moves_while_the_life_is_open(past: list[tuple[list[Finding], set[str]]]) -> None:
    states: dict[str, FindingState] = {}
    for one in _reports(past):
        before = states
        states, _ = advance(before, one, SCOPE, None)
        for id_ in before.keys() & states.keys():
            was, is_ = before[id_].episode, states[id_].episode
            if was and is_:
                assert was.finding.first_seen == is_.finding.first_seen


@given(PAST)
def test_no_drift_is_without_an_age_and_nothing_ok_has_one(past: list[tuple[list[Finding], set[str]]]) -> None:
    states: dict[str, FindingState] = {}
    for one in _reports(past):
        states, after = advance(states, one, SCOPE, None)
        for finding in after.findings:
            assert (finding.first_seen is None) == (finding.verdict is Verdict.OK)
