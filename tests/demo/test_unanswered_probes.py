"""Whatever a host may leave unanswered: drift that is judged by it is hidden then, and never told as gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from olaudit.audit import audit, select_checks
from olaudit.checks import CHECKERS
from olaudit.collect import Collected
from olaudit.demo.fleet import simulated
from olaudit.history import FindingStates, RunScope, advance
from olaudit.model import Answers, Changes, EpisodeEnd, HostAnswers, Probe, Report, Unanswered, Verdict
from tests.demo.auditing import collect_answers, shipped_fleet
from tests.values import RUN

WANTED = select_checks(CHECKERS)
SCOPE = RunScope(hosts=frozenset(shipped_fleet().hosts), checks=WANTED)
REACHED = "host.reachable"


@pytest.fixture(scope="module")
def collected() -> Collected:
    """Give all that the whole fleet answers."""
    with simulated(shipped_fleet()) as simulation:
        return collect_answers(shipped_fleet(), simulation.ssh_config)


def judged(collected: Collected, silent: Callable[[Probe], bool] = lambda _: False) -> Report:
    """Audit what was collected, but for the answers to some probes."""
    hosts = []
    for host in collected.hosts:
        assert isinstance(host.outcome, Answers)
        told = {probe: Unanswered("silent") if silent(probe) else said for probe, said in host.outcome.items()}
        hosts.append(HostAnswers(host.host, Answers(told), host.duration_seconds))
    return audit(shipped_fleet().hosts.values(), hosts, CHECKERS, WANTED, RUN)


def all_drifting(report: Report) -> FindingStates:
    """Let everything that was judged have drifted the night before."""
    drift = [replace(one, verdict=Verdict.DRIFT) for one in report.findings if one.check != REACHED]
    return advance({}, replace(report, findings=tuple(drift)), SCOPE, None)[0]


def changes(states: FindingStates, report: Report) -> Changes:
    after = advance(states, report, SCOPE, RUN.started_at)[1].changes
    assert after
    return after


def test_when_all_is_silent_all_drift_is_hidden(collected: Collected) -> None:
    states = all_drifting(judged(collected))
    after = changes(states, judged(collected, lambda _: True))
    assert len(states) > 600
    assert after.resolved == ()
    assert {one.finding.id for one in after.unobserved} == states.keys()


def test_whichever_probe_is_silent_no_drift_is_told_as_no_longer_judged(collected: Collected) -> None:
    whole = judged(collected)
    states = all_drifting(whole)
    mended = {one.id for one in whole.findings if one.verdict is Verdict.OK}
    probes = {probe for host in collected.hosts if isinstance(host.outcome, Answers) for probe in host.outcome}
    for silent in sorted(probes, key=repr):
        after = changes(states, judged(collected, frozenset({silent}).__contains__))
        assert {one.finding.id for one in after.resolved} <= mended, silent
        assert {one.ending for one in after.resolved} <= {EpisodeEnd.MENDED}, silent
        assert len(after.resolved) + len(after.unobserved) == len(states), silent
