"""The exposition of the fleet, composed of its hosts' texts, against that of all hosts at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from olaudit.expected import FleetSpec, HostSpec
from olaudit.model import FLEET, Report, Verdict
from olaudit.render.prometheus.collector import ReportCollector
from olaudit.serve.exposition import encode
from olaudit.serve.fleet_exposition import FleetExposition
from olaudit.serve.snapshot import ReloadStatus, Snapshot
from tests.values import FINDING, METRICS, RUN, host_result

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
FORMATS = ("text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0", "text/plain;version=1.0.0")
HOSTS = ("a", "b", "ab", "c")


def snapshot(*, drift_on: str) -> Snapshot:
    """Build a snapshot; one subject imitates the label of another host."""
    subjects = frozenset({"kernel", 'x",host="b"} 1'})
    findings = [
        replace(FINDING, host=host, subject=subject, verdict=Verdict.DRIFT if host == drift_on else Verdict.OK)
        for host in sorted(HOSTS)
        for subject in sorted(subjects)
    ]
    results = tuple(host_result(host=host, subjects=subjects) for host in sorted(HOSTS))
    of_fleet = replace(FINDING, host=FLEET, check="waiver.unused")
    report = Report(run=RUN, hosts=results, findings=(of_fleet, *findings), metrics=METRICS)
    specs = {host: HostSpec(host, (), {}, {}) for host in HOSTS}
    fleet = FleetSpec(root=Path(), name="toys", domain="example.org", revision="r", hosts=specs)
    status = ReloadStatus(success=True, at=NOW)
    return Snapshot(fleet=fleet, report=report, audited_at=dict.fromkeys(HOSTS, 5.0), reload_status=status)


def samples(body: bytes) -> list[str]:
    """Return the lines of samples, without those of metrics that only the exporter has, or whose value differs."""
    ours = (line for line in body.decode().splitlines() if line.startswith("olaudit_"))
    return [line for line in ours if not line.startswith(("olaudit_config_", "olaudit_last_run_"))]


@pytest.mark.parametrize("accept", FORMATS)
def test_composed_text_has_the_series_of_all_hosts(accept: str) -> None:
    exposition = FleetExposition()
    for drift_on in ("a", "b", "c", "a"):
        current = snapshot(drift_on=drift_on)
        at_once, _ = encode(ReportCollector(current.report, audited=current.audited_at, waivers=()), accept)
        body, _ = exposition.encode(current, accept)
        assert samples(body) == samples(at_once)
        assert body.count(b"# EOF") == at_once.count(b"# EOF")


def test_hosts_that_were_not_audited_have_no_series() -> None:
    partial = replace(snapshot(drift_on="a"), audited_at={"b": 5.0})
    body, _ = FleetExposition().encode(partial, "")
    assert b'host="b"' in body
    assert b'host="a"' not in body


def test_only_the_formats_used_last_are_kept() -> None:
    exposition = FleetExposition()
    for accept in (*FORMATS, *FORMATS):
        exposition.encode(snapshot(drift_on="a"), accept)
    assert len(exposition._hosts) == 2
