"""Collector of a report's metrics. Label values come from the expected files or olaudit, never from a host."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from olaudit.model import FLEET, FailureReason, Report, Verdict, Waiver
from olaudit.render.prometheus.drift import count_drift, drift_first_seen

HELP: Mapping[str, str] = MappingProxyType(
    {
        "build_info": "Version of the running olaudit, always 1. Alert if absent: no audits are exported.",
        "expected_info": "Revision of the expected files, always 1. The revision changes with their content.",
        "host_up": "Whether the host could be audited (1) or not (0). Alert on 0.",
        "host_failure": "Whether the host could not be audited for this reason (1) or not (0).",
        "audit_duration_seconds": "Duration of the last audit of the host, including the connection.",
        "last_audit_timestamp_seconds": "Time of the last audit attempt of the host. Alert if it is too long ago.",
        "checks": "Number of checks of the host with this verdict. Alert on unknown > 0.",
        "drift": (
            "Number of differences from the expected state; 0 if as expected or waived, absent if unknown. An "
            "empty subject counts subjects that no expected file names. Alert on > 0 by severity, after the "
            "duration of a deploy."
        ),
        "drift_first_seen_timestamp_seconds": "Time when the drift was first seen; the oldest of several.",
        "waiver_expiry_timestamp_seconds": (
            "Time when the waiver expires and the waived finding is drift again. Alert some days earlier."
        ),
        "run_duration_seconds": "Duration of the last run over all hosts.",
        "last_run_timestamp_seconds": "Time when the last run over all hosts ended. Alert if it is too long ago.",
    }
)
"""Help texts of the metrics, except those that checkers declare. Names are without the prefix `olaudit_`."""

Samples = Iterable[tuple[Sequence[str], float]]
"""Label values and sample value of each series."""


class ReportCollector(Collector):
    """Prometheus collector of one report: all metrics are gauges. It needs a separate registry.

    `audited` has the time of the last audit attempt by host (seconds since 1970); the default is the end of the
    run. `waivers` are the waivers to export; the default are those of the findings.
    """

    def __init__(
        self,
        report: Report,
        *,
        audited: Mapping[str, float] | None = None,
        waivers: Iterable[Waiver] | None = None,
    ) -> None:
        self._report = report
        self._audited = _end_of_run(report) if audited is None else audited
        of_findings = (finding.waiver for finding in report.findings if finding.waiver)
        self._waivers = tuple(of_findings if waivers is None else waivers)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family, including those without samples."""
        run = self._report.run
        yield _gauge("build_info", ["version"], [([run.olaudit_version], 1)])
        yield _gauge("expected_info", ["revision"], [([run.expected_revision], 1)])
        yield from self._hosts()
        yield from self._findings()
        expiries = {waiver.name: _end_of_day(waiver.expires) for waiver in self._waivers}
        samples = [([name], expiry) for name, expiry in sorted(expiries.items())]
        yield _gauge("waiver_expiry_timestamp_seconds", ["waiver"], samples)
        yield from self._measures()
        yield _gauge("run_duration_seconds", [], [([], run.duration_seconds)])
        yield _gauge("last_run_timestamp_seconds", [], [([], to_unix_time(run.finished_at))])

    def _hosts(self) -> Iterator[Metric]:
        hosts = self._report.hosts
        failed = [(host.host, host.failure.reason if host.failure else None) for host in hosts]
        yield _gauge("host_up", ["host"], [([host], reason is None) for host, reason in failed])
        reasons = [([host, value.value], value is reason) for host, reason in failed for value in FailureReason]
        yield _gauge("host_failure", ["host", "reason"], reasons)
        durations = [([host.host], host.duration_seconds) for host in hosts]
        yield _gauge("audit_duration_seconds", ["host"], durations)
        audited = [([host], moment) for host, moment in sorted(self._audited.items())]
        yield _gauge("last_audit_timestamp_seconds", ["host"], audited)

    def _findings(self) -> Iterator[Metric]:
        report = self._report
        names = [host.host for host in report.hosts]
        counts = {(host, verdict): 0 for host in names for verdict in Verdict}
        for finding in report.findings:
            if finding.host == FLEET:  # the fleet has series only if it has findings
                counts = {(FLEET, verdict): 0 for verdict in Verdict} | counts
            counts[finding.host, finding.verdict] += 1
        checks = [([host, verdict.value], count) for (host, verdict), count in sorted(counts.items())]
        yield _gauge("checks", ["host", "verdict"], checks)
        yield _gauge("drift", ["host", "check", "subject", "severity"], sorted(count_drift(report).items()))
        ages = [(labels, to_unix_time(moment)) for labels, moment in sorted(drift_first_seen(report).items())]
        yield _gauge("drift_first_seen_timestamp_seconds", ["host", "check", "subject"], ages)

    def _measures(self) -> Iterator[Metric]:
        for metric in self._report.metrics:
            labels = ["host", "source"] if metric.by_source else ["host"]
            samples = [
                ([host.host, measurement.source][: len(labels)], measurement.value)
                for host in self._report.hosts
                for measurement in host.measurements
                if measurement.metric == metric
            ]
            yield _gauge(metric.name, labels, samples, metric.help)


def _gauge(name: str, labels: Sequence[str], samples: Samples, help_text: str = "") -> Metric:
    family = GaugeMetricFamily(f"olaudit_{name}", help_text or HELP[name], labels=labels)
    for values, value in samples:
        family.add_metric(values, float(value))
    return family


def _end_of_run(report: Report) -> Mapping[str, float]:
    """Return the end of the run for each host, except hosts whose audit was interrupted."""
    end = to_unix_time(report.run.finished_at)
    hosts = report.hosts
    return {
        host.host: end
        for host in hosts
        if not host.failure or host.failure.reason is not FailureReason.INTERRUPTED
    }


def _end_of_day(day: str) -> float:
    """Return the first second after `day` (YYYY-MM-DD, UTC), in seconds since 1970."""
    midnight = datetime.combine(datetime.fromisoformat(day).date(), time(), UTC)
    return (midnight + timedelta(days=1)).timestamp()


def to_unix_time(rfc3339: str) -> float:
    """Convert an RFC 3339 time to seconds since 1970."""
    return datetime.fromisoformat(rfc3339).timestamp()
