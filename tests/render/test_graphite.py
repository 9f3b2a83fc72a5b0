"""Graphite output in the format of carbon's line receiver: a path of safe characters, a value, a timestamp."""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from olaudit.model import Report, Verdict
from olaudit.render import graphite
from olaudit.render.style import Style
from tests.render.format_reports import HOSTILE, MIXED
from tests.render.reports import CASES, report
from tests.render.test_any_report import REPORTS

LINE = re.compile(r"(olaudit(?:\.[a-z0-9_-]+)+) ([0-9]+(?:\.[0-9]+)?) ([0-9]+)")


def parse_series(report_: Report) -> dict[str, float]:
    """Parse strictly; each path must occur once."""
    values: dict[str, float] = {}
    for line in graphite.render(report_, Style()).removesuffix("\n").split("\n"):
        matched = LINE.fullmatch(line)
        assert matched, line
        assert matched[1] not in values
        assert matched[3] == "1795369744"  # 2026-11-22T17:49:04Z, when the run ended
        values[matched[1]] = float(matched[2])
    return values


@pytest.mark.parametrize("report_", [*CASES.values(), MIXED, HOSTILE], ids=[*CASES, "mixed", "hostile-texts"])
def test_lines_have_path_value_and_time_of_the_runs_end(report_: Report) -> None:
    values = parse_series(report_)
    assert values["olaudit.hosts"] == len(report_.hosts)
    assert values["olaudit.unreachable"] == report_.unreachable


def test_a_host_that_was_not_audited_has_a_gap_not_0() -> None:
    values = parse_series(MIXED)
    of_host = {path: value for path, value in values.items() if path.startswith("olaudit.host.ol-mem0.")}
    assert of_host == {
        "olaudit.host.ol-mem0.up": 0,
        "olaudit.host.ol-mem0.duration_seconds": 0.5,
        "olaudit.host.ol-mem0.unknown": 1,
    }
    assert values["olaudit.host.ol-covers0.up"] == 1


def test_without_any_audited_host_there_is_no_drift_of_0() -> None:
    values = parse_series(CASES["jump-host-down"])
    assert not [path for path in values if re.search(r"\.(ok|drift|waived)$", path)]
    assert values["olaudit.unknown"] == 4


def test_drift_is_counted_by_host_and_by_section() -> None:
    values = parse_series(MIXED)
    assert values["olaudit.host.ol-covers0.drift"] == 1
    assert values["olaudit.host.ol-covers0.waived"] == 1
    assert values["olaudit.check.container.drift"] == 2
    assert values["olaudit.check.container.unknown"] == 3


def test_a_fully_qualified_host_is_one_component_of_the_path() -> None:
    assert "olaudit.host.ol-web1_example_org.up" in parse_series(report({"ol-web1.example.org": []}))


@given(REPORTS)
def test_paths_contain_no_text_of_a_host(report_: Report) -> None:
    names = (*Verdict, "up", "duration_seconds")
    hosts = {f"host.{host.host}.{name}" for host in report_.hosts for name in names}
    sections = ("container", "host", "path", "symlink")
    checks = {f"check.{section}.{verdict}" for section in sections for verdict in Verdict}
    totals = {*Verdict, "hosts", "unreachable", "checks", "complete", "duration_seconds"}
    assert {path.removeprefix("olaudit.") for path in parse_series(report_)} <= hosts | checks | totals
