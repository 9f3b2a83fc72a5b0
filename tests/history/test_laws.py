"""Properties of episodes that hold for any sequence of runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from olaudit.history import FindingState, advance
from olaudit.model import FLEET, FailureReason, Finding, Report, Verdict
from tests.history.run_builder import HOSTS, SCOPE, make_finding, make_report

RunInput = tuple[list[Finding], set[str]]
"""The findings of a run, and the hosts that it audits."""

VERDICTS = st.sampled_from(["ok", "drift", "unknown", "waived"])
FINDINGS = st.lists(
    st.builds(
        lambda host, check, subject, verdict: make_finding(host, check, verdict, subject=subject),
        st.sampled_from(["ol-a", "ol-b", FLEET]),
        st.sampled_from(["disk.free", "path.mode"]),
        st.sampled_from(["/x", "/y"]),
        VERDICTS,
    ),
    max_size=8,
)
AUDITED = st.sets(st.sampled_from(sorted(HOSTS)))
RUN = st.tuples(FINDINGS, AUDITED)
RUNS = st.lists(RUN, max_size=6)


def make_reports(runs: list[RunInput]) -> list[Report]:
    """Build reports as an audit could: hosts that are not audited have failed, and have no other findings."""
    return [
        make_report(
            number,
            [finding for finding in findings if finding.host in {*audited, FLEET}],
            audited=audited,
            failed=dict.fromkeys(HOSTS - audited, FailureReason.TIMEOUT),
        )
        for number, (findings, audited) in enumerate(runs, 1)
    ]


def advance_all(reports: Iterable[Report]) -> dict[str, FindingState]:
    states: dict[str, FindingState] = {}
    for report in reports:
        states, _ = advance(states, report, SCOPE, None)
    return states


@given(RUNS, RUN, st.randoms())
def test_the_order_of_hosts_and_findings_does_not_matter(runs: list[RunInput], run: RunInput, rng: Random) -> None:
    *before, last = make_reports([*runs, run])
    states = advance_all(before)
    findings, hosts = list(last.findings), list(last.hosts)
    rng.shuffle(findings)
    rng.shuffle(hosts)
    states_after, after = advance(states, last, SCOPE, None)
    shuffled = replace(last, findings=tuple(findings), hosts=tuple(hosts))
    states_after_shuffled, after_shuffled = advance(states, shuffled, SCOPE, None)
    assert states_after == states_after_shuffled
    assert after.changes == after_shuffled.changes
    assert set(after.findings) == set(after_shuffled.findings)


@given(RUNS)
def test_a_run_that_observes_nothing_changes_no_episode(runs: list[RunInput]) -> None:
    states = advance_all(make_reports(runs))
    unobserved = make_report(
        28,
        [
            make_finding(state.host, state.check, "unknown", subject="?")
            for state in states.values()
            if state.host == FLEET
        ],
        audited=[],
        failed=dict.fromkeys(HOSTS, FailureReason.TIMEOUT),
    )
    states_after, after = advance(states, unobserved, SCOPE, None)
    episodes = {id_: state.episode for id_, state in states.items() if state.episode}
    assert {id_: state.episode for id_, state in states_after.items() if state.episode} == episodes
    assert after.changes
    assert not after.changes.resolved
    assert {drift.finding.id for drift in after.changes.unobserved} == episodes.keys()


@given(RUNS)
def test_an_open_episode_keeps_its_first_seen(runs: list[RunInput]) -> None:
    states: dict[str, FindingState] = {}
    for report in make_reports(runs):
        states_before = states
        states, _ = advance(states_before, report, SCOPE, None)
        for id_ in states_before.keys() & states.keys():
            before, after = states_before[id_].episode, states[id_].episode
            if before and after:
                assert before.finding.first_seen == after.finding.first_seen


@given(RUNS)
def test_all_findings_but_the_ok_ones_have_an_age(runs: list[RunInput]) -> None:
    states: dict[str, FindingState] = {}
    for report in make_reports(runs):
        states, after = advance(states, report, SCOPE, None)
        for finding in after.findings:
            assert (finding.first_seen is None) == (finding.verdict is Verdict.OK)
