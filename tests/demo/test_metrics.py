"""Metrics of the shipped fleet: their number of series, and that no host can add more."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from olaudit.audit import audit, select_checks
from olaudit.checks import CHECKERS
from olaudit.collect import CollectedAnswers
from olaudit.demo.fleet import simulated
from olaudit.facts import cron, symlink_farm
from olaudit.model import Answer, Answered, Answers, Command, HostAnswers, Probe, Report, Verdict
from olaudit.render import RENDERERS
from olaudit.render.style import Style
from tests.demo.auditing import collect_answers, shipped_fleet
from tests.promtool import promtool
from tests.render.reports import run

MANY = 10_000
Series = tuple[str, frozenset[tuple[str, str]]]


@pytest.fixture(scope="module")
def collected() -> CollectedAnswers:
    with simulated(shipped_fleet()) as simulation:
        return collect_answers(shipped_fleet(), simulation.ssh_config)


def _report(collected: CollectedAnswers) -> Report:
    return audit(shipped_fleet().hosts.values(), collected.hosts, CHECKERS, select_checks(CHECKERS), run())


def _series(report: Report) -> dict[Series, float]:
    text = RENDERERS["prometheus"](report, Style())
    assert promtool("check", "metrics", stdin=text) == ""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


def test_conforming_fleet_has_fewer_than_1500_series(collected: CollectedAnswers) -> None:
    report = _report(collected)
    # clock.skew is unknown where a busy machine answers slowly, which would add a series
    report = replace(report, findings=tuple(replace(finding, verdict=Verdict.OK) for finding in report.findings))
    series = _series(report)
    print(f"{len(series)} series of {len(report.hosts)} hosts and {len(report.findings)} checks")
    assert len(report.hosts) == 14
    assert len(report.findings) > 600
    assert len(series) < 1500


def test_host_that_invents_10000_subjects_adds_no_series(collected: CollectedAnswers) -> None:
    hostile = {"ol-web1", "ol-www0"}  # the host with most containers, and one with certificates too
    hosts = tuple(
        replace(host, outcome=_inflated(host)) if host.host in hostile else host for host in collected.hosts
    )
    report = _report(replace(collected, hosts=hosts))
    clean = _series(_report(collected))
    inflated = _series(report)
    assert report.count(Verdict.DRIFT) > 4 * MANY
    # one series per host for the stale mounts of all containers that the expected files do not name
    assert len(inflated) <= len(clean) + len(hostile)
    added = [dict(labels) for name, labels in inflated.keys() - clean.keys() if name == "olaudit_drift"]
    assert {labels["subject"] for labels in added} <= {""}
    unexpected = {("host", "ol-web1"), ("check", "container.unexpected"), ("subject", ""), ("severity", "warning")}
    assert inflated["olaudit_drift", frozenset(unexpected)] == MANY
    assert clean["olaudit_drift", frozenset(unexpected)] == 0


def _inflated(host: HostAnswers) -> Answers:
    assert isinstance(host.outcome, Answers)
    return Answers({probe: _inflated_answer(probe, answer) for probe, answer in host.outcome.items()})


def _inflated_answer(probe: Probe, answer: Answer) -> Answer:
    if isinstance(probe, ContainerFields) and isinstance(answer, Answered) and (own := json.loads(answer.stdout)):
        return replace(answer, stdout=json.dumps([*own, *_clones(own)]))
    if isinstance(probe, Command) and "fullchain.pem" in probe.argv:
        return Answered(
            "".join(f"/evil/{n}/fullchain.pem//notAfter=Nov 22 19:00:00 2020 GMT\n" for n in range(MANY))
        )
    if isinstance(probe, Command) and symlink_farm.SCRIPT in probe.argv:
        return Answered("".join(f"leads evil-{n}///evil//\n" for n in range(MANY)) + "end//\n")
    if isinstance(probe, Command) and cron.SCRIPT in probe.argv:
        return Answered("".join(f"differs evil-{n}////0 644 0//\n" for n in range(MANY)) + "end//\n")
    return answer


def _clones(containers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Copy the container of the host that has most mounts."""
    original = max(containers, key=lambda container: len(container["Mounts"]))
    return [original | {"Name": f"/evil-{n}", "Id": f"{n:064}", "Config": {}} for n in range(MANY)]
