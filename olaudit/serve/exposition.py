"""What Prometheus gets: all that is known, or one host of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from olaudit.expected.spec import WaiverSpec
from olaudit.model import FLEET, Report, Waiver
from olaudit.render.prometheus.collector import ReportCollector
from olaudit.serve.snapshot import Snapshot, rfc3339
from olaudit.text import visible

_OF_RUNS = ("olaudit_run_duration_seconds", "olaudit_last_run_timestamp_seconds")
_VERSIONS = frozenset({"0.0.1", "0.0.4", "1.0.0"})


class FleetCollector(Collector):
    """All that is known. A host that was never audited has no series, and until all were, there was no run."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Give the metrics of the report, and of the expected files' last reload."""
        now = self._snapshot
        whole = bool(now.audited) and not now.missing
        report = _as_a_run(now) if whole else _without(now.report, now.missing)
        waivers = map(_waiver, now.fleet.waivers)
        for metric in ReportCollector(report, audited=now.audited, waivers=waivers).collect():
            if whole or metric.name not in _OF_RUNS:
                yield metric
        yield _reload_success(now)
        yield GaugeMetricFamily(
            "olaudit_config_last_reload_success_timestamp_seconds",
            "When the expected files were last read with success.",
            now.reloaded.at.timestamp(),
        )


class HostCollector(Collector):
    """One host of a report: the series that name it, and those about us, for whom nobody asks but for hosts."""

    def __init__(self, snapshot: Snapshot, report: Report, host: str, audited: float) -> None:
        self._snapshot = snapshot
        self._host = host
        self._audited = audited
        self._report = _without(report, {FLEET, *(one.host for one in report.hosts)} - {host})

    def collect(self) -> Iterator[Metric]:
        """Give every family of the report that has something to say of the host, and who says so."""
        audited, waivers = {self._host: self._audited}, map(_waiver, self._waivers())
        for metric in ReportCollector(self._report, audited=audited, waivers=waivers).collect():
            if metric.samples and metric.name not in _OF_RUNS:
                yield metric
        yield _reload_success(self._snapshot)

    def _waivers(self) -> Iterator[WaiverSpec]:
        """Give the waivers that may mean something here: where there are only probes, nobody else would."""
        found = {finding.id for finding in self._report.findings}
        for waiver in self._snapshot.fleet.waivers:
            if waiver.finding in found or fnmatchcase(self._host, waiver.host):
                yield waiver


def encode(collector: Collector, accept: str) -> tuple[bytes, str]:
    """Write metrics in the format that an Accept header asks for; give them, and their content type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    encoder, content_type = choose_encoder(",".join(_known(accept.split(","))))
    return encoder(registry), content_type


def _known(ranges: Iterable[str]) -> Iterator[str]:
    """Pick the media ranges whose version is one there is: the library would repeat any other in its answer."""
    for one in ranges:
        versions = [part.strip().removeprefix("version=") for part in one.split(";") if "version=" in part]
        if all(version in _VERSIONS for version in versions):
            yield one


def _reload_success(snapshot: Snapshot) -> Metric:
    return GaugeMetricFamily(
        "olaudit_config_reload_success",
        "1: the expected files could be read when they last changed; 0: they could not, and those from before are "
        "still in use. Alert on 0.",
        float(snapshot.reloaded.success),
    )


def _without(report: Report, hosts: Collection[str]) -> Report:
    return replace(
        report,
        hosts=tuple(one for one in report.hosts if one.host not in hosts),
        findings=tuple(found for found in report.findings if found.host not in hosts),
    )


def _as_a_run(snapshot: Snapshot) -> Report:
    """Take for the end of a run over all hosts the moment since which every one of them was audited."""
    oldest = datetime.fromtimestamp(min(snapshot.audited.values()), UTC)
    return replace(snapshot.report, run=replace(snapshot.report.run, finished_at=rfc3339(oldest)))


def _waiver(spec: WaiverSpec) -> Waiver:
    name = visible(" ".join(spec.name.split()))
    return Waiver(name=name, owner="", reason="", ticket="", expires=spec.expires.isoformat(), source="")
