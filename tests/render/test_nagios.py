"""Nagios output, read strictly by the grammar of the Monitoring Plugins Development Guidelines."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given

from olaudit.model import Report, Severity, Verdict
from olaudit.render import nagios
from olaudit.render.nagios import Status
from olaudit.render.style import Style
from tests.render.reports import BLIND, CASES, MISSING, RELEASE, RENAMED, WEB, report
from tests.render.test_any_report import REPORTS
from tests.render.words import BLIND_RELEASE, HOSTILE, MIXED

_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_RANGE = rf"@?(?:(?:~|{_NUMBER}):)?(?:{_NUMBER})?"
DATUM = re.compile(
    rf"(?P<label>[^ ='|]+|'[^='|]+')=(?P<value>{_NUMBER})(?P<uom>s|us|ms|%|B|KB|MB|TB|c)?"
    rf"(?:;(?P<warn>{_RANGE})(?:;(?P<crit>{_RANGE})(?:;(?P<min>{_NUMBER})?(?:;(?P<max>{_NUMBER}))?)?)?)?"
)
FIRST = re.compile(r"OLAUDIT (OK|WARNING|CRITICAL|UNKNOWN) - ([^|\n]+) \| ([^|\n]+)")


def parse(text: str) -> tuple[str, str, dict[str, re.Match[str]], list[str]]:
    """Give the status, what is said, performance data by label, and the lines after the first."""
    first, *more = text.removesuffix("\n").split("\n")
    matched = FIRST.fullmatch(first)
    assert matched, first
    assert all("|" not in line for line in more)
    data = [DATUM.fullmatch(datum) for datum in matched[3].split(" ")]
    assert all(data), first
    return matched[1], matched[2], {datum["label"]: datum for datum in data if datum}, more


def crossed(datum: re.Match[str], threshold: str) -> bool:
    """Say whether a value is outside of `0:end`, which is what a bare `end` means."""
    return bool(datum[threshold]) and not 0 <= float(datum["value"]) <= float(datum[threshold])


@given(REPORTS)
def test_any_report_is_by_the_guidelines_short_and_says_the_status_it_exits_with(whole: Report) -> None:
    text = nagios.render(whole, Style())
    word, _, data, _ = parse(text)
    assert word == nagios.status(whole).name
    assert len(text.encode()) <= nagios.MAX_OUTPUT_BYTES
    assert float(data["checks"]["value"]) == len(whole.findings)
    assert float(data["unknown"]["value"]) == whole.count(Verdict.UNKNOWN)


@given(REPORTS)
def test_a_threshold_is_crossed_exactly_where_drift_sets_the_status(whole: Report) -> None:
    _, _, data, _ = parse(nagios.render(whole, Style()))
    critical = any(crossed(datum, "crit") for datum in data.values())
    warning = any(crossed(datum, "warn") for datum in data.values())
    assert critical is (nagios.status(whole) is Status.CRITICAL)
    assert (warning and not critical) is (nagios.status(whole) is Status.WARNING)


@pytest.mark.parametrize(
    ("whole", "status"),
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
def test_the_status_is_drift_by_its_severity_then_whatever_is_unknown(whole: Report, status: Status) -> None:
    assert nagios.status(whole) is status


def test_the_first_line_counts_and_names_the_worst() -> None:
    _, said, data, more = parse(nagios.render(MIXED, Style()))
    assert said == (
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


@pytest.mark.parametrize("whole", [HOSTILE, CASES["hostile"]])
def test_no_word_of_a_host_is_performance_data_markup_or_shell(whole: Report) -> None:
    _, said, data, more = parse(nagios.render(whole, Style()))
    assert list(data) == list(parse(nagios.render(CASES["all-ok"], Style()))[2])
    assert not set("".join([said, *more])) & set("|<>`$")


def test_more_than_fits_is_counted_and_the_first_line_is_always_whole() -> None:
    large_report = [replace(MISSING, subject=f"openlibrary-{number}-ż" * 40) for number in range(5000)]
    text = nagios.render(report({"ol-a": large_report}), Style())
    *_, more = parse(text)
    assert len(text.encode()) <= nagios.MAX_OUTPUT_BYTES
    assert len(text.partition("\n")[0].encode()) < 1024, "all that the oldest NRPE passes on"
    assert more[-1] == f"... and {5000 - len(more) + 1} more"


def test_severities_that_matter_here_are_all_there_are() -> None:
    assert set(Severity) == {Severity.CRITICAL, Severity.WARNING, Severity.INFO}
