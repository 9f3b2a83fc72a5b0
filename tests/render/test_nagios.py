"""Nagios output, parsed strictly by the grammar of the Monitoring Plugins Development Guidelines."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given

from olaudit.model import Report, Severity, Verdict
from olaudit.render import nagios
from olaudit.render.nagios import Status
from olaudit.render.style import Style
from tests.render.format_reports import BLIND_RELEASE, HOSTILE, MIXED
from tests.render.reports import BLIND, CASES, MISSING, RELEASE, RENAMED, WEB, report
from tests.render.test_any_report import REPORTS

_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_RANGE = rf"@?(?:(?:~|{_NUMBER}):)?(?:{_NUMBER})?"
DATUM = re.compile(
    rf"(?P<label>[^ ='|]+|'[^='|]+')=(?P<value>{_NUMBER})(?P<uom>s|us|ms|%|B|KB|MB|TB|c)?"
    rf"(?:;(?P<warn>{_RANGE})(?:;(?P<crit>{_RANGE})(?:;(?P<min>{_NUMBER})?(?:;(?P<max>{_NUMBER}))?)?)?)?"
)
FIRST = re.compile(r"OLAUDIT (OK|WARNING|CRITICAL|UNKNOWN) - ([^|\n]+) \| ([^|\n]+)")


def parse(text: str) -> tuple[str, str, dict[str, re.Match[str]], list[str]]:
    """Return the status, the text, performance data by label, and the lines after the first."""
    first, *more = text.removesuffix("\n").split("\n")
    matched = FIRST.fullmatch(first)
    assert matched, first
    assert all("|" not in line for line in more)
    data = [DATUM.fullmatch(datum) for datum in matched[3].split(" ")]
    assert all(data), first
    return matched[1], matched[2], {datum["label"]: datum for datum in data if datum}, more


def crossed(datum: re.Match[str], threshold: str) -> bool:
    """Whether a value is outside of `0:end`, the meaning of a threshold `end`."""
    return bool(datum[threshold]) and not 0 <= float(datum["value"]) <= float(datum[threshold])


@given(REPORTS)
def test_any_output_is_valid_short_and_names_its_status(report_: Report) -> None:
    text = nagios.render(report_, Style())
    name, _, data, _ = parse(text)
    assert name == nagios.status(report_).name
    assert len(text.encode()) <= nagios.MAX_OUTPUT_BYTES
    assert float(data["checks"]["value"]) == len(report_.findings)
    assert float(data["unknown"]["value"]) == report_.count(Verdict.UNKNOWN)


@given(REPORTS)
def test_thresholds_are_crossed_exactly_if_drift_sets_the_status(report_: Report) -> None:
    _, _, data, _ = parse(nagios.render(report_, Style()))
    critical = any(crossed(datum, "crit") for datum in data.values())
    warning = any(crossed(datum, "warn") for datum in data.values())
    assert critical is (nagios.status(report_) is Status.CRITICAL)
    assert (warning and not critical) is (nagios.status(report_) is Status.WARNING)


@pytest.mark.parametrize(
    ("report_", "status"),
    [
        (report({"ol-a": [WEB]}), Status.OK),
        (report({"ol-a": [WEB, RELEASE]}), Status.OK),
        (report({"ol-a": [WEB, BLIND_RELEASE]}), Status.OK),
        (report({"ol-a": [WEB, RENAMED]}), Status.WARNING),
        (report({"ol-a": [RENAMED, MISSING]}), Status.CRITICAL),
        (report({"ol-a": [WEB, BLIND[0]]}), Status.UNKNOWN),
        (report({"ol-a": [RENAMED, *BLIND]}), Status.WARNING),
        (CASES["jump-host-down"], Status.UNKNOWN),
        (CASES["waived"], Status.OK),
        (CASES["interrupted"], Status.UNKNOWN),
        (report({"ol-a": [WEB]}, complete=False), Status.UNKNOWN),
        (report({"ol-a": [MISSING]}, complete=False), Status.CRITICAL),
    ],
)
def test_the_status_is_set_by_drift_then_by_unknown(report_: Report, status: Status) -> None:
    assert nagios.status(report_) is status


def test_the_first_line_has_the_counts_and_the_worst_finding() -> None:
    _, text, data, more = parse(nagios.render(MIXED, Style()))
    assert text == (
        "3 drift, 5 unknown, 1 waived of 15 checks, 4 of 5 hosts; "
        "worst: ol-home0 container.missing openlibrary-importbot-1"
    )
    assert {label: datum["value"] for label, datum in data.items()} == {
        "hosts": "5", "unreachable": "1", "checks": "15", "ok": "6", "drift_critical": "1", "drift_warning": "1",
        "drift_info": "1", "unknown": "5", "waived": "1", "time": "4.250",
    }  # fmt: skip
    assert [line.split()[:3] for line in more][:2] == [
        ["DRIFT", "critical", "ol-home0"],
        ["DRIFT", "warning", "ol-covers0"],
    ]


@pytest.mark.parametrize("report_", [HOSTILE, CASES["hostile"]])
def test_texts_of_hosts_are_no_data_markup_or_shell(report_: Report) -> None:
    _, text, data, more = parse(nagios.render(report_, Style()))
    assert list(data) == list(parse(nagios.render(CASES["all-ok"], Style()))[2])
    assert not set("".join([text, *more])) & set("|<>`$")


def test_findings_that_do_not_fit_are_counted() -> None:
    results = [replace(MISSING, subject=f"openlibrary-{number}-ż" * 40) for number in range(5000)]
    text = nagios.render(report({"ol-a": results}), Style())
    *_, more = parse(text)
    assert len(text.encode()) <= nagios.MAX_OUTPUT_BYTES
    assert len(text.partition("\n")[0].encode()) < 1024, "the oldest NRPE passes on 1 KB"
    assert more[-1] == f"... and {5000 - len(more) + 1} more"


def test_the_renderer_handles_all_severities() -> None:
    assert set(Severity) == {Severity.CRITICAL, Severity.WARNING, Severity.INFO}
