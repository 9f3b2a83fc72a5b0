"""An unanswered probe makes the drift that depends on it unobserved, never resolved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from olaudit.audit import audit, select_checks
from olaudit.checks import CHECKERS
from olaudit.collect import CollectedAnswers
from olaudit.demo.fleet import simulated
from olaudit.history import FindingStates, RunScope, advance
from olaudit.model import Answers, Changes, EpisodeEnd, HostAnswers, Probe, Report, Unanswered, Verdict
from tests.demo.auditing import collect_answers, shipped_fleet
from tests.values import RUN

CHECKS = select_checks(CHECKERS)
SCOPE = RunScope(hosts=frozenset(shipped_fleet().hosts), checks=CHECKS)
REACHABLE = "host.reachable"


@pytest.fixture(scope="module")
def collected() -> CollectedAnswers:
    """Collect the answers of the shipped fleet."""
    with simulated(shipped_fleet()) as simulation:
        return collect_answers(shipped_fleet(), simulation.ssh_config)


def evaluate(collected: CollectedAnswers, unanswered: Callable[[Probe], bool] = lambda _: False) -> Report:
    """Evaluate the collected answers, without those to some probes."""
    hosts = []
    for host in collected.hosts:
        assert isinstance(host.outcome, Answers)
        answers = {
            probe: Unanswered("silent") if unanswered(probe) else answer for probe, answer in host.outcome.items()
        }
        hosts.append(HostAnswers(host.host, Answers(answers), host.duration_seconds))
    return audit(shipped_fleet().hosts.values(), hosts, CHECKERS, CHECKS, RUN)


def all_drifting(report: Report) -> FindingStates:
    """Return the states after a run in which every check of `report` is drift."""
    drift = [replace(finding, verdict=Verdict.DRIFT) for finding in report.findings if finding.check != REACHABLE]
    return advance({}, replace(report, findings=tuple(drift)), SCOPE, None)[0]


def changes(states: FindingStates, report: Report) -> Changes:
    compared = advance(states, report, SCOPE, RUN.started_at)[1].changes
    assert compared
    return compared


def test_all_drift_is_unobserved_if_no_probe_is_answered(collected: CollectedAnswers) -> None:
    states = all_drifting(evaluate(collected))
    after = changes(states, evaluate(collected, lambda _: True))
    assert len(states) > 600
    assert after.resolved == ()
    assert {change.finding.id for change in after.unobserved} == states.keys()


def test_no_drift_ends_because_a_probe_is_unanswered(collected: CollectedAnswers) -> None:
    complete = evaluate(collected)
    states = all_drifting(complete)
    fixed = {finding.id for finding in complete.findings if finding.verdict is Verdict.OK}
    probes = {probe for host in collected.hosts if isinstance(host.outcome, Answers) for probe in host.outcome}
    for unanswered in sorted(probes, key=repr):
        after = changes(states, evaluate(collected, frozenset({unanswered}).__contains__))
        assert {change.finding.id for change in after.resolved} <= fixed, unanswered
        assert {change.ending for change in after.resolved} <= {EpisodeEnd.FIXED}, unanswered
        assert len(after.resolved) + len(after.unobserved) == len(states), unanswered
