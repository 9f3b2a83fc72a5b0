"""The metrics: which series are 0, which are counted, which are absent; and Prometheus can parse them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics import exposition, parser
from prometheus_client.parser import text_string_to_metric_families

from olaudit.checks.memcached import LIMIT_BYTES, TOTAL_BYTES
from olaudit.model import FLEET, FailureReason, Finding, Measurement, Report, Severity, Verdict, Waiver
from olaudit.render import RENDERERS
from olaudit.render.prometheus.collector import HELP, ReportCollector
from olaudit.render.style import Style
from tests.promtool import promtool
from tests.render.reports import CASES, INTERRUPTED, TIMEOUT, expectation, report
from tests.render.test_any_report import REPORTS
from tests.values import METRICS

MISSING = expectation("container.missing", "openlibrary-web-1")
NAME = expectation("container.name", "openlibrary-web-1")
WAIVER = Waiver(
    name="w", owner="o", reason="r", ticket="t", expires="2026-12-31", source="expected/waivers.yaml:1"
)
WAIVED = replace(
    report({"ol-a": [NAME.drift("x", "x")]}).findings[0], verdict=Verdict.WAIVED, waiver=WAIVER
)  # of container.name

HELP_TEXTS = {**HELP, **{metric.name: metric.help for metric in METRICS}}


def samples(report_: Report, name: str) -> dict[tuple[str, ...], float]:
    """Return the values of one metric by its labels, parsed from the rendered text."""
    families = text_string_to_metric_families(RENDERERS["prometheus"](report_, Style()))
    (family,) = (family for family in families if family.name == f"olaudit_{name}")
    labels = _LABELS.get(name, ("host",))
    return {tuple(sample.labels[label] for label in labels): sample.value for sample in family.samples}


_LABELS: Mapping[str, tuple[str, ...]] = {
    "drift": ("check", "subject", "severity"),
    "drift_first_seen_timestamp_seconds": ("host", "check", "subject"),
    "checks": ("host", "verdict"),
    "host_failure": ("host", "reason"),
    "waiver_expiry_timestamp_seconds": ("waiver",),
    "memcached_limit_bytes": ("host", "source"),
}


def _finding(**fields: object) -> Finding:
    return replace(report({"ol-a": [MISSING.drift("absent", "x")]}).findings[0], **fields)  # type: ignore[arg-type]


def _report(*findings: Finding, subjects: frozenset[str] = frozenset({"openlibrary-web-1"})) -> Report:
    base = report({"ol-a": []})
    return replace(base, hosts=(replace(base.hosts[0], subjects=subjects),), findings=findings)


@pytest.mark.parametrize("case", CASES)
def test_promtool_accepts_the_metrics_without_warnings(case: str) -> None:
    assert promtool("check", "metrics", stdin=RENDERERS["prometheus"](CASES[case], Style())) == ""


def test_ok_is_0_and_drift_is_1() -> None:
    audited = report({"ol-a": [MISSING.ok(), NAME.drift("x", "x")]})
    assert samples(audited, "drift") == {
        ("host.reachable", "host", "critical"): 0,
        ("container.missing", "openlibrary-web-1", "critical"): 0,
        ("container.name", "openlibrary-web-1", "warning"): 1,
    }


def test_unknown_has_no_drift_series_and_is_counted() -> None:
    audited = report({"ol-a": [MISSING.unknown("why"), NAME.ok()]})
    assert ("container.missing", "openlibrary-web-1", "critical") not in samples(audited, "drift")
    assert samples(audited, "checks") == {
        ("ol-a", "ok"): 2,
        ("ol-a", "drift"): 0,
        ("ol-a", "unknown"): 1,
        ("ol-a", "waived"): 0,
    }


def test_a_failed_host_is_down_has_a_reason_and_no_drift_series() -> None:
    audited = report({"ol-a": TIMEOUT})
    assert samples(audited, "host_up") == {("ol-a",): 0}
    assert samples(audited, "drift") == {}
    failures = samples(audited, "host_failure")
    assert failures == {("ol-a", reason.value): reason is FailureReason.TIMEOUT for reason in FailureReason}
    assert samples(audited, "checks")["ol-a", "unknown"] == 1


def test_waived_drift_is_0_and_exports_its_waivers_expiry() -> None:
    audited = _report(WAIVED)
    assert samples(audited, "drift") == {("container.name", "openlibrary-web-1", "warning"): 0}
    assert samples(audited, "checks")["ol-a", "waived"] == 1
    # `date -u -d 2027-01-01 +%s`: the end of the last day
    assert samples(audited, "waiver_expiry_timestamp_seconds") == {("w",): 1798761600}


def test_all_given_waivers_are_exported() -> None:
    registry = CollectorRegistry()
    registry.register(ReportCollector(_report(WAIVED), waivers=[WAIVER, replace(WAIVER, name="unused")]))
    labels = {"waiver": "unused"}
    assert registry.get_sample_value("olaudit_waiver_expiry_timestamp_seconds", labels) == 1798761600


def test_unnamed_subjects_are_counted_under_an_empty_subject() -> None:
    audited = _report(
        *(
            _finding(check="container.unexpected", subject=f"evil-{n}", severity=Severity.WARNING)
            for n in range(3)
        ),
        *(_finding(check="symlink.farm", subject=f"/etc/{n}") for n in range(2)),
        _finding(check="symlink.farm", subject="/etc/unknown", verdict=Verdict.UNKNOWN),
        _finding(check="certificate.expiry", subject="/etc/a.pem", verdict=Verdict.OK),
        _finding(check="cron.files", subject="/etc/a", verdict=Verdict.OK),
        _finding(check="cron.files", subject="/etc/b", verdict=Verdict.UNKNOWN),
    )
    assert samples(audited, "drift") == {
        ("container.unexpected", "", "warning"): 3,
        ("symlink.farm", "", "critical"): 2,
        ("certificate.expiry", "", "critical"): 0,
    }


def test_nothing_unexpected_is_0_under_an_empty_subject() -> None:
    audited = _report(_finding(check="container.unexpected", subject="container", verdict=Verdict.OK))
    assert samples(audited, "drift") == {("container.unexpected", "", "critical"): 0}


def test_only_open_drift_has_an_age_that_of_the_oldest() -> None:
    old, new = "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"
    audited = _report(
        _finding(first_seen=new),
        _finding(check="symlink.farm", subject="/etc/1", first_seen=new),
        _finding(check="symlink.farm", subject="/etc/2", first_seen=old),
        _finding(check="path.type", verdict=Verdict.UNKNOWN, first_seen=old),
        replace(WAIVED, first_seen=old),
    )
    assert samples(audited, "drift_first_seen_timestamp_seconds") == {
        ("ol-a", "container.missing", "openlibrary-web-1"): 1795219200,
        ("ol-a", "symlink.farm", ""): 1795132800,
    }


def test_fleet_findings_keep_their_subjects() -> None:
    finding = _finding(host=FLEET, check="waiver.expired", subject="ol-a/path.mode")
    assert samples(_report(finding), "drift") == {("waiver.expired", "ol-a/path.mode", "critical"): 1}
    assert samples(_report(finding), "checks")[FLEET, "drift"] == 1
    assert (FLEET, "drift") not in samples(_report(), "checks")


def test_measurements_are_exported_with_their_sources() -> None:
    measures = (Measurement(LIMIT_BYTES, 64, "running"), Measurement(TOTAL_BYTES, 128))
    base = _report()
    measured = replace(base, hosts=(replace(base.hosts[0], measurements=measures),))
    assert samples(measured, "memcached_limit_bytes") == {("ol-a", "running"): 64}
    assert samples(measured, "memory_total_bytes") == {("ol-a",): 128}


def test_an_interrupted_host_has_no_time_of_last_audit() -> None:
    audited = report({"ol-a": INTERRUPTED, "ol-b": TIMEOUT, "ol-c": []}, complete=False)
    assert samples(audited, "last_audit_timestamp_seconds") == {("ol-b",): 1795369744, ("ol-c",): 1795369744}


def test_given_audit_times_replace_the_end_of_the_run() -> None:
    registry = CollectorRegistry()
    registry.register(ReportCollector(_report(), audited={"ol-a": 5.0}))
    assert registry.get_sample_value("olaudit_last_audit_timestamp_seconds", {"host": "ol-a"}) == 5


def test_all_metrics_are_gauges_with_help_and_no_timestamps() -> None:
    families = list(text_string_to_metric_families(RENDERERS["prometheus"](CASES["outage"], Style())))
    assert {family.name.removeprefix("olaudit_"): family.documentation for family in families} == HELP_TEXTS
    assert {family.type for family in families} == {"gauge"}
    assert all(sample.timestamp is None for family in families for sample in family.samples)


@given(REPORTS)
def test_any_report_can_be_parsed_and_has_no_duplicate_series(any_report: Report) -> None:
    text = RENDERERS["prometheus"](any_report, Style())
    families = text_string_to_metric_families(text)
    series = [(sample.name, *sorted(sample.labels.items())) for family in families for sample in family.samples]
    assert len(series) == len(set(series))


@given(REPORTS)
def test_subjects_that_a_host_chose_are_never_labels(any_report: Report) -> None:
    unnamed = replace(
        any_report, hosts=tuple(replace(host, subjects=frozenset({"host"})) for host in any_report.hosts)
    )
    assert {subject for _, subject, _ in samples(unnamed, "drift")} <= {"", "host"}


@pytest.mark.parametrize("case", CASES)
def test_the_collector_can_be_exported_as_openmetrics(case: str) -> None:
    registry = CollectorRegistry()
    registry.register(ReportCollector(CASES[case]))
    text: bytes = exposition.generate_latest(registry)  # type: ignore[no-untyped-call] # untyped in the client
    families = parser.text_string_to_metric_families(text.decode())  # type: ignore[no-untyped-call] # untyped in the client
    assert {family.name.removeprefix("olaudit_") for family in families} == HELP_TEXTS.keys()


def test_other_commands_do_not_import_the_client() -> None:
    code = "import sys, olaudit.cli.program; sys.exit('prometheus_client' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
