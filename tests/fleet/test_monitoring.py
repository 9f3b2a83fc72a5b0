"""Prometheus, `olaudit serve` and the real fleet: what a host is fires, and ends when it is mended."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fleet.lab import Lab
from tests.fleet.serving import MONITORING, hurried, serving, without_ol_dev
from tests.monitoring.dashboard_queries import DashboardQuery, annotation_queries, panel_queries, variable_queries
from tests.monitoring.prometheus import Prometheus, Sample

HOSTS = 13
RENAME = (
    "docker rename openlibrary-covers-1 openlibrary_covers_1",
    "docker rename openlibrary_covers_1 openlibrary-covers-1",
)
FIRING = 'ALERTS{alertstate="firing", alertname="OlauditDrift", host="ol-covers0"}'
WAIVER = """\
waivers:
  - host: ol-web2
    check: container.name
    subject: openlibrary-web-1
    observed: openlibrary_web_1
    owner: mek
    reason: renamed with the next deploy
    ticket: internetarchive/openlibrary#1
    expires: {expires}
"""


@dataclass(frozen=True)
class Watched:
    """The lab, what audits it, and the Prometheus that scrapes that: all of it, and host by host."""

    lab: Lab
    expected: Path
    prometheus: Prometheus


def config(address: str) -> str:
    """Give the shipped examples for /metrics, and for /probe by service discovery, hurried.

    A probe is an audit, of a host that shares two cores with all others: more of them would only queue up.
    """
    jobs = []
    for name, scrape in (("serve", "2s"), ("probe", "6s")):
        text = (MONITORING / f"prometheus-{name}.yaml").read_text(encoding="utf-8")
        job = text.partition("scrape_configs:\n")[2].replace("job_name: olaudit", f"job_name: {name}")
        jobs.append(hurry(job, scrape))
    return f"scrape_configs:\n{''.join(jobs)}".replace("127.0.0.1:9877", address)


def hurry(text: str, scrape: str) -> str:
    text = re.sub(r"scrape_interval: \w+", f"scrape_interval: {scrape}", text)
    return re.sub(r"scrape_timeout: \w+", f"scrape_timeout: {scrape}", text)


@pytest.fixture(scope="module")
def watched(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    expected = without_ol_dev(folder)
    with (
        serving(lab, expected, interval=4) as address,
        Prometheus(folder, config(address), hurried(folder)) as prometheus,
    ):
        yield Watched(lab, expected, prometheus)


def each_host_once(samples: list[Sample]) -> bool:
    return len({labels["host"] for labels, _ in samples}) == len(samples) == HOSTS


def test_prometheus_sees_each_host_by_metrics_and_by_probes(watched: Watched) -> None:
    for job in ("serve", "probe"):
        watched.prometheus.wait_for(f'olaudit_host_up{{job="{job}"}} == 1', each_host_once, seconds=60)
    assert watched.prometheus.query("olaudit_drift > 0") == []


def test_drift_fires_stays_while_the_host_is_unreachable_and_goes_when_mended(watched: Watched) -> None:
    prometheus, covers = watched.prometheus, watched.lab.hosts["ol-covers0"]
    with covers.drift(*RENAME):
        fired = prometheus.wait_for(FIRING, seconds=60)
        since = time.monotonic()
        assert [(labels["check"], labels["subject"], labels["severity"]) for labels, _ in fired] == [
            ("container.name", "openlibrary-covers-1", "warning")
        ]
        with covers.refusing():
            prometheus.wait_for(
                'olaudit_host_up{host="ol-covers0"} == 0', lambda found: len(found) == 2, seconds=60
            )
            prometheus.wait_for('absent(olaudit_drift{host="ol-covers0"})', seconds=60)
            unknown = 'ALERTS{alertstate="firing", alertname="OlauditHostUnknown"}'
            assert [labels["host"] for labels, _ in prometheus.wait_for(unknown, seconds=60)] == ["ol-covers0"]
            assert len(prometheus.query(FIRING)) == 1, "still firing, though nothing can be seen"
        prometheus.wait_for('olaudit_host_up{host="ol-covers0"} == 1', lambda found: len(found) == 2, seconds=60)
        assert len(prometheus.query(FIRING)) == 1
        ((_, values),) = prometheus.query_range(f"count({FIRING}) or vector(0)", time.monotonic() - since - 1)
        assert len(values) > 3
        assert set(values) == {1.0}, "never interrupted"
    prometheus.wait_for(f"absent({FIRING})", seconds=60)


def test_every_query_of_the_dashboard_finds_data_in_a_drifting_fleet(watched: Watched) -> None:
    prometheus, hosts = watched.prometheus, watched.lab.hosts
    board = json.loads((MONITORING / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
    web = (
        "docker rename openlibrary-web-1 openlibrary_web_1",
        "docker rename openlibrary_web_1 openlibrary-web-1",
    )
    stopped = ("docker stop -t 0 openlibrary-importbot-1", "docker start openlibrary-importbot-1")
    waivers = watched.expected / "waivers.yaml"
    with ExitStack() as drifts:
        drifts.callback(waivers.write_text, waivers.read_text(encoding="utf-8"))
        waivers.write_text(WAIVER.format(expires=_tomorrow()), encoding="utf-8")
        for host, drift in (("ol-covers0", RENAME), ("ol-web2", web), ("ol-home0", stopped)):
            drifts.enter_context(hosts[host].drift(*drift))
        drifts.enter_context(hosts["ol-db1"].refusing())
        drifts.enter_context(hosts["ol-www0"].hung_docker())
        prometheus.wait_for('olaudit_host_up{host="ol-db1"} == 0', seconds=60)
        prometheus.wait_for('olaudit_checks{host="ol-www0", verdict="unknown"} > 0', seconds=60)
        prometheus.wait_for('olaudit_checks{host="ol-web2", verdict="waived"} > 0', seconds=60)
        prometheus.wait_for('olaudit_drift{host="ol-home0", severity="critical"} > 0', seconds=60)
        assert _empty(prometheus, [*panel_queries(board), *annotation_queries(board)]) == []
        for name, match, label in variable_queries(board):
            assert prometheus.label_values(label, match), name


def _tomorrow() -> str:
    return f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"


def _empty(prometheus: Prometheus, asked: Sequence[DashboardQuery]) -> Sequence[DashboardQuery]:
    """Give the queries that find nothing, also after all was scraped once more."""
    deadline = time.monotonic() + 20
    while empty := [one for one in asked if not _finds(prometheus, one.expr)]:
        if time.monotonic() > deadline:
            break
        time.sleep(1)
    return empty


def _finds(prometheus: Prometheus, expr: str) -> bool:
    return bool(prometheus.query(expr)) or any(values for _, values in prometheus.query_range(expr, 60))


def test_two_exporters_sharded_by_the_hash_of_names_cover_the_fleet_once_each(lab: Lab, tmp_path: Path) -> None:
    expected = without_ol_dev(tmp_path)
    text = (MONITORING / "prometheus-sharded.yaml").read_text(encoding="utf-8")
    with serving(lab, expected, interval=0) as zero, serving(lab, expected, interval=0) as one:
        text = text.replace("olaudit-0:9877", zero).replace("olaudit-1:9877", one)
        text = f"scrape_configs:{text.partition('scrape_configs:')[2]}"
        with Prometheus(tmp_path, hurry(text, "10s")) as prometheus:
            prometheus.wait_for("olaudit_host_up == 1", each_host_once, seconds=60)
            targets = prometheus.api("targets")["activeTargets"]
    by_exporter = {zero: 0, one: 0}
    for target in targets:
        by_exporter[target["scrapeUrl"].removeprefix("http://").partition("/")[0]] += 1
    assert sum(by_exporter.values()) == HOSTS
    assert all(by_exporter.values()), by_exporter
