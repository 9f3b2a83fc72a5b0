"""What Prometheus reads: the metrics of the whole fleet or of one probed host, and the list of hosts to probe."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from itertools import groupby
from operator import itemgetter
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from olaudit.expected.spec import FleetSpec, WaiverSpec
from olaudit.model import FLEET, Report, Waiver
from olaudit.render.prometheus.collector import ReportCollector
from olaudit.serve.snapshot import Snapshot, rfc3339
from olaudit.text import visible

_RUN_METRICS = ("olaudit_run_duration_seconds", "olaudit_last_run_timestamp_seconds")
_VERSIONS = frozenset({"0.0.1", "0.0.4", "1.0.0"})


@dataclass(frozen=True)
class FleetCollector(Collector):
    """The metrics of the fleet as a whole: those of a report, without the series of its hosts.

    The metrics of the run are missing until every host was audited.
    """

    snapshot: Snapshot

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of the report, and of the last reload of the expected files."""
        snapshot = self.snapshot
        all_audited = bool(snapshot.audited_at) and not snapshot.unaudited
        report = _completed_run(snapshot) if all_audited else snapshot.report
        report = _without_hosts(report, {result.host for result in report.hosts})
        fleet_waivers = map(_waiver, snapshot.fleet.waivers)
        for metric in ReportCollector(report, audited={}, waivers=fleet_waivers).collect():
            if all_audited or metric.name not in _RUN_METRICS:
                yield metric
        yield _reload_success(snapshot)
        yield GaugeMetricFamily(
            "olaudit_config_last_reload_success_timestamp_seconds",
            "Time of the last successful load of the expected files.",
            snapshot.reload_status.at.timestamp(),
        )


@dataclass(frozen=True)
class HostCollector(Collector):
    """The metrics of one host of a report, audited at `audited_at` (seconds since 1970), and of olaudit itself.

    Where Prometheus only probes single hosts, it scrapes the metrics of olaudit itself nowhere else.
    """

    snapshot: Snapshot
    report: Report
    host: str
    audited_at: float

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family that has samples, except those of a run over the whole fleet."""
        others = {FLEET, *(result.host for result in self.report.hosts)} - {self.host}
        report = _without_hosts(self.report, others)
        ids = {finding.id for finding in report.findings}
        waivers = [
            _waiver(waiver)
            for waiver in self.snapshot.fleet.waivers
            if waiver.finding in ids or fnmatchcase(self.host, waiver.host)
        ]
        audited = {self.host: self.audited_at}
        for metric in ReportCollector(report, audited=audited, waivers=waivers).collect():
            if metric.samples and metric.name not in _RUN_METRICS:
                yield metric
        yield _reload_success(self.snapshot)


def encode(collector: Collector, accept: str) -> tuple[bytes, str]:
    """Encode metrics in the format that an Accept header selects; return the body and its content type."""
    encoder, content_type = choose_encoder(",".join(_supported_ranges(accept.split(","))))
    return encoder(collector), content_type


def discovery_targets(fleet: FleetSpec) -> list[dict[str, Any]]:
    """List all hosts in the format of Prometheus' HTTP service discovery, one group for each role."""
    # later roles override earlier ones: the last one is the most specific
    hosts = sorted((host.roles[-1] if host.roles else "", name) for name, host in fleet.hosts.items())
    return [
        {"targets": [name for _, name in group], "labels": {"role": role} if role else {}}
        for role, group in groupby(hosts, key=itemgetter(0))
    ]


def _supported_ranges(ranges: Iterable[str]) -> Iterator[str]:
    """Yield the media ranges with a supported version: the library would echo any other in its response."""
    for media_range in ranges:
        parameters = [parameter.strip() for parameter in media_range.split(";") if "version=" in parameter]
        if all(parameter.removeprefix("version=") in _VERSIONS for parameter in parameters):
            yield media_range


def _reload_success(snapshot: Snapshot) -> Metric:
    return GaugeMetricFamily(
        "olaudit_config_reload_success",
        "1: the last load of the expected files succeeded; 0: it failed, and the previous ones remain in use. "
        "Alert on 0.",
        float(snapshot.reload_status.success),
    )


def _without_hosts(report: Report, hosts: Collection[str]) -> Report:
    return replace(
        report,
        hosts=tuple(result for result in report.hosts if result.host not in hosts),
        findings=tuple(finding for finding in report.findings if finding.host not in hosts),
    )


def _completed_run(snapshot: Snapshot) -> Report:
    """Return the report with the oldest of the hosts' last audits as the end of its run."""
    oldest = datetime.fromtimestamp(min(snapshot.audited_at.values()), UTC)
    return replace(snapshot.report, run=replace(snapshot.report.run, finished_at=rfc3339(oldest)))


def _waiver(spec: WaiverSpec) -> Waiver:
    name = visible(" ".join(spec.name.split()))
    return Waiver(name=name, owner="", reason="", ticket="", expires=spec.expires.isoformat(), source="")
