"""Prometheus and `olaudit serve` on the real fleet: an alert fires for drift and ends when it is fixed."""

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
from tests.fleet.serve_process import MONITORING, accelerated_rules, serving, without_ol_dev
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
class MonitoredLab:
    """The lab, its expected files, and a Prometheus that scrapes `olaudit serve` (/metrics and /probe)."""

    lab: Lab
    expected: Path
    prometheus: Prometheus


def config(address: str) -> str:
    """Build the shipped scrape configurations for /metrics and /probe, with short intervals.

    Each probe is an audit, and all hosts share two cores: a shorter interval would only queue probes.
    """
    jobs = []
    for name, interval in (("serve", "2s"), ("probe", "6s")):
        text = (MONITORING / f"prometheus-{name}.yaml").read_text(encoding="utf-8")
        job = text.partition("scrape_configs:\n")[2].replace("job_name: olaudit", f"job_name: {name}")
        jobs.append(set_scrape_interval(job, interval))
    return f"scrape_configs:\n{''.join(jobs)}".replace("127.0.0.1:9877", address)


def set_scrape_interval(text: str, interval: str) -> str:
    text = re.sub(r"scrape_interval: \w+", f"scrape_interval: {interval}", text)
    return re.sub(r"scrape_timeout: \w+", f"scrape_timeout: {interval}", text)


@pytest.fixture(scope="module")
def monitored_lab(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MonitoredLab]:
    folder = tmp_path_factory.mktemp("watched")
    expected = without_ol_dev(folder)
    with (
        serving(lab, expected, interval=4) as address,
        Prometheus(folder, config(address), accelerated_rules(folder)) as prometheus,
    ):
        yield MonitoredLab(lab, expected, prometheus)


def each_host_once(samples: list[Sample]) -> bool:
    return len({labels["host"] for labels, _ in samples}) == len(samples) == HOSTS


def test_prometheus_gets_each_host_by_metrics_and_by_probes(monitored_lab: MonitoredLab) -> None:
    for job in ("serve", "probe"):
        monitored_lab.prometheus.wait_for(f'olaudit_host_up{{job="{job}"}} == 1', each_host_once, seconds=60)
    assert monitored_lab.prometheus.query("olaudit_drift > 0") == []


def test_alert_fires_until_drift_is_fixed(monitored_lab: MonitoredLab) -> None:
    prometheus, covers = monitored_lab.prometheus, monitored_lab.lab.hosts["ol-covers0"]
    with covers.drift(*RENAME):
        fired = prometheus.wait_for(FIRING, seconds=60)
        fired_at = time.monotonic()
        assert [(labels["check"], labels["subject"], labels["severity"]) for labels, _ in fired] == [
            ("container.name", "openlibrary-covers-1", "warning")
        ]
        with covers.refusing_connections():
            prometheus.wait_for(
                'olaudit_host_up{host="ol-covers0"} == 0', lambda samples: len(samples) == 2, seconds=60
            )
            prometheus.wait_for('absent(olaudit_drift{host="ol-covers0"})', seconds=60)
            unknown = 'ALERTS{alertstate="firing", alertname="OlauditHostUnknown"}'
            assert [labels["host"] for labels, _ in prometheus.wait_for(unknown, seconds=60)] == ["ol-covers0"]
            assert len(prometheus.query(FIRING)) == 1, "the alert must fire while the host is unreachable"
        prometheus.wait_for(
            'olaudit_host_up{host="ol-covers0"} == 1', lambda samples: len(samples) == 2, seconds=60
        )
        assert len(prometheus.query(FIRING)) == 1
        ((_, values),) = prometheus.query_range(f"count({FIRING}) or vector(0)", time.monotonic() - fired_at - 1)
        assert len(values) > 3
        assert set(values) == {1.0}, "the alert was interrupted"
    prometheus.wait_for(f"absent({FIRING})", seconds=60)


def test_every_query_of_the_dashboard_has_data(monitored_lab: MonitoredLab) -> None:
    prometheus, hosts = monitored_lab.prometheus, monitored_lab.lab.hosts
    board = json.loads((MONITORING / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
    web = (
        "docker rename openlibrary-web-1 openlibrary_web_1",
        "docker rename openlibrary_web_1 openlibrary-web-1",
    )
    stopped = ("docker stop -t 0 openlibrary-importbot-1", "docker start openlibrary-importbot-1")
    waivers = monitored_lab.expected / "waivers.yaml"
    with ExitStack() as drifts:
        drifts.callback(waivers.write_text, waivers.read_text(encoding="utf-8"))
        waivers.write_text(WAIVER.format(expires=_tomorrow()), encoding="utf-8")
        for host, drift in (("ol-covers0", RENAME), ("ol-web2", web), ("ol-home0", stopped)):
            drifts.enter_context(hosts[host].drift(*drift))
        drifts.enter_context(hosts["ol-db1"].refusing_connections())
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


def _empty(prometheus: Prometheus, queries: Sequence[DashboardQuery]) -> Sequence[DashboardQuery]:
    """Return the queries without data, also after another scrape of all targets."""
    deadline = time.monotonic() + 20
    while empty := [query for query in queries if not _has_data(prometheus, query.expr)]:
        if time.monotonic() > deadline:
            break
        time.sleep(1)
    return empty


def _has_data(prometheus: Prometheus, expr: str) -> bool:
    return bool(prometheus.query(expr)) or any(values for _, values in prometheus.query_range(expr, 60))


@pytest.mark.slow
def test_two_sharded_exporters_cover_each_host_once(lab: Lab, tmp_path: Path) -> None:
    expected = without_ol_dev(tmp_path)
    text = (MONITORING / "prometheus-sharded.yaml").read_text(encoding="utf-8")
    with serving(lab, expected, interval=0) as first, serving(lab, expected, interval=0) as second:
        text = text.replace("olaudit-0:9877", first).replace("olaudit-1:9877", second)
        text = f"scrape_configs:{text.partition('scrape_configs:')[2]}"
        with Prometheus(tmp_path, set_scrape_interval(text, "10s")) as prometheus:
            prometheus.wait_for("olaudit_host_up == 1", each_host_once, seconds=60)
            targets = prometheus.api("targets")["activeTargets"]
    by_exporter = {first: 0, second: 0}
    for target in targets:
        by_exporter[target["scrapeUrl"].removeprefix("http://").partition("/")[0]] += 1
    assert sum(by_exporter.values()) == HOSTS
    assert all(by_exporter.values()), by_exporter
