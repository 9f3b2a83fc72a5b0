"""The metrics: what is zero, what is counted, what has no series, and that Prometheus reads them."""

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

from olaudit.model import FLEET, FailureReason, Finding, Measurement, Report, Severity, Verdict, Waiver
from olaudit.render import RENDERERS
from olaudit.render.prometheus.collector import ReportCollector
from olaudit.render.prometheus.helps import HELP, MEASURED
from olaudit.render.style import Style
from tests.promtool import promtool
from tests.render.reports import CASES, INTERRUPTED, TIMEOUT, question, report
from tests.render.test_any_report import REPORTS

MISSING = question("container.missing", "openlibrary-web-1")
NAME = question("container.name", "openlibrary-web-1")
WAIVER = Waiver(
    name="w", owner="o", reason="r", ticket="t", expires="2026-12-31", source="expected/waivers.yaml:1"
)
WAIVED = replace(
    report({"ol-a": [NAME.drift("x", "x")]}).findings[0], verdict=Verdict.WAIVED, waiver=WAIVER
)  # of container.name


def samples(whole: Report, name: str) -> dict[tuple[str, ...], float]:
    """Give the values of one metric by its labels, read back from the text."""
    text = RENDERERS["prometheus"](whole, Style())
    (family,) = (one for one in text_string_to_metric_families(text) if one.name == f"olaudit_{name}")
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


def _finding(**said: object) -> Finding:
    return replace(report({"ol-a": [MISSING.drift("absent", "x")]}).findings[0], **said)  # type: ignore[arg-type]


def _report(*findings: Finding, subjects: frozenset[str] = frozenset({"openlibrary-web-1"})) -> Report:
    whole = report({"ol-a": []})
    return replace(whole, hosts=(replace(whole.hosts[0], subjects=subjects),), findings=findings)


@pytest.mark.parametrize("case", CASES)
def test_prometheus_reads_it_and_has_nothing_to_complain_of(case: str) -> None:
    assert promtool("check", "metrics", stdin=RENDERERS["prometheus"](CASES[case], Style())) == ""


def test_what_is_as_expected_is_0_and_what_differs_is_1() -> None:
    whole = report({"ol-a": [MISSING.ok(), NAME.drift("x", "x")]})
    assert samples(whole, "drift") == {
        ("host.reachable", "host", "critical"): 0,
        ("container.missing", "openlibrary-web-1", "critical"): 0,
        ("container.name", "openlibrary-web-1", "warning"): 1,
    }


def test_what_is_unknown_has_no_series_and_is_counted() -> None:
    whole = report({"ol-a": [MISSING.unknown("why"), NAME.ok()]})
    assert ("container.missing", "openlibrary-web-1", "critical") not in samples(whole, "drift")
    assert samples(whole, "checks") == {
        ("ol-a", "ok"): 2,
        ("ol-a", "drift"): 0,
        ("ol-a", "unknown"): 1,
        ("ol-a", "waived"): 0,
    }


def test_a_host_that_could_not_be_audited_is_not_up_says_why_and_has_no_drift_series() -> None:
    whole = report({"ol-a": TIMEOUT})
    assert samples(whole, "host_up") == {("ol-a",): 0}
    assert samples(whole, "drift") == {}
    failures = samples(whole, "host_failure")
    assert failures == {("ol-a", reason.value): reason is FailureReason.TIMEOUT for reason in FailureReason}
    assert samples(whole, "checks")["ol-a", "unknown"] == 1


def test_what_is_waived_is_0_and_counted_and_says_when_its_waiver_ends() -> None:
    whole = _report(WAIVED)
    assert samples(whole, "drift") == {("container.name", "openlibrary-web-1", "warning"): 0}
    assert samples(whole, "checks")["ol-a", "waived"] == 1
    # `date -u -d 2027-01-01 +%s`: the end of the last day
    assert samples(whole, "waiver_expiry_timestamp_seconds") == {("w",): 1798761600}


def test_all_waivers_are_told_where_they_are_known() -> None:
    registry = CollectorRegistry()
    registry.register(ReportCollector(_report(WAIVED), waivers=[WAIVER, replace(WAIVER, name="unused")]))
    labels = {"waiver": "unused"}
    assert registry.get_sample_value("olaudit_waiver_expiry_timestamp_seconds", labels) == 1798761600


def test_what_no_expected_file_names_is_counted_under_an_empty_subject() -> None:
    whole = _report(
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
    assert samples(whole, "drift") == {
        ("container.unexpected", "", "warning"): 3,
        ("symlink.farm", "", "critical"): 2,
        ("certificate.expiry", "", "critical"): 0,
    }


def test_that_nothing_is_unexpected_is_a_zero_under_an_empty_subject() -> None:
    whole = _report(_finding(check="container.unexpected", subject="container", verdict=Verdict.OK))
    assert samples(whole, "drift") == {("container.unexpected", "", "critical"): 0}


def test_only_open_drift_has_an_age_and_the_oldest_counts() -> None:
    old, new = "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"
    whole = _report(
        _finding(first_seen=new),
        _finding(check="symlink.farm", subject="/etc/1", first_seen=new),
        _finding(check="symlink.farm", subject="/etc/2", first_seen=old),
        _finding(check="path.type", verdict=Verdict.UNKNOWN, first_seen=old),
        replace(WAIVED, first_seen=old),
    )
    assert samples(whole, "drift_first_seen_timestamp_seconds") == {
        ("ol-a", "container.missing", "openlibrary-web-1"): 1795219200,
        ("ol-a", "symlink.farm", ""): 1795132800,
    }


def test_findings_about_the_fleet_as_a_whole_are_told_by_their_subjects() -> None:
    finding = _finding(host=FLEET, check="waiver.expired", subject="ol-a/path.mode")
    assert samples(_report(finding), "drift") == {("waiver.expired", "ol-a/path.mode", "critical"): 1}
    assert samples(_report(finding), "checks")[FLEET, "drift"] == 1
    assert (FLEET, "drift") not in samples(_report(), "checks")


def test_numbers_of_hosts_are_told_with_their_sources() -> None:
    measures = (Measurement("memcached_limit_bytes", 64, "running"), Measurement("memory_total_bytes", 128))
    whole = _report()
    whole = replace(whole, hosts=(replace(whole.hosts[0], measurements=measures),))
    assert samples(whole, "memcached_limit_bytes") == {("ol-a", "running"): 64}
    assert samples(whole, "memory_total_bytes") == {("ol-a",): 128}


def test_a_host_that_nobody_got_to_ask_was_not_audited_at_the_end_of_the_run() -> None:
    whole = report({"ol-a": INTERRUPTED, "ol-b": TIMEOUT, "ol-c": []}, complete=False)
    assert samples(whole, "last_audit_timestamp_seconds") == {("ol-b",): 1795369744, ("ol-c",): 1795369744}


def test_whoever_knows_better_says_when_each_host_was_audited() -> None:
    registry = CollectorRegistry()
    registry.register(ReportCollector(_report(), audited={"ol-a": 5.0}))
    assert registry.get_sample_value("olaudit_last_audit_timestamp_seconds", {"host": "ol-a"}) == 5


def test_every_metric_has_a_help_text_and_is_a_gauge_without_timestamps() -> None:
    families = list(text_string_to_metric_families(RENDERERS["prometheus"](CASES["outage"], Style())))
    assert {family.name.removeprefix("olaudit_"): family.documentation for family in families} == HELP
    assert {family.type for family in families} == {"gauge"}
    assert all(sample.timestamp is None for family in families for sample in family.samples)
    assert MEASURED.keys() <= HELP.keys()


@given(REPORTS)
def test_any_report_can_be_read_and_each_series_is_there_once(any_report: Report) -> None:
    text = RENDERERS["prometheus"](any_report, Style())
    families = text_string_to_metric_families(text)
    series = [(one.name, *sorted(one.labels.items())) for family in families for one in family.samples]
    assert len(series) == len(set(series))


@given(REPORTS)
def test_no_subject_that_a_host_chose_becomes_a_label(any_report: Report) -> None:
    blind = replace(
        any_report, hosts=tuple(replace(host, subjects=frozenset({"host"})) for host in any_report.hosts)
    )
    assert {subject for _, subject, _ in samples(blind, "drift")} <= {"", "host"}


@pytest.mark.parametrize("case", CASES)
def test_openmetrics_can_be_made_of_it_too(case: str) -> None:
    registry = CollectorRegistry()
    registry.register(ReportCollector(CASES[case]))
    text: bytes = exposition.generate_latest(registry)  # type: ignore[no-untyped-call] # the client has no types there
    families = parser.text_string_to_metric_families(text.decode())  # type: ignore[no-untyped-call] # nor there
    assert {family.name.removeprefix("olaudit_") for family in families} == HELP.keys()


def test_no_other_command_waits_for_the_client_to_be_imported() -> None:
    code = "import sys, olaudit.cli.program; sys.exit('prometheus_client' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
