"""Lines as carbon's line receiver takes them: three words, a path of safe characters, numbers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from olaudit.model import Report, Verdict
from olaudit.render import graphite
from olaudit.render.style import Style
from tests.render.reports import CASES, report
from tests.render.test_any_report import REPORTS
from tests.render.words import HOSTILE, MIXED

LINE = re.compile(r"(olaudit(?:\.[a-z0-9_-]+)+) ([0-9]+(?:\.[0-9]+)?) ([0-9]+)")


def series(whole: Report) -> dict[str, float]:
    """Parse strictly; no path is told twice."""
    told: dict[str, float] = {}
    for line in graphite.render(whole, Style()).removesuffix("\n").split("\n"):
        matched = LINE.fullmatch(line)
        assert matched, line
        assert matched[1] not in told
        assert matched[3] == "1795369744"  # 2026-11-22T17:49:04Z, when the run ended
        told[matched[1]] = float(matched[2])
    return told


@pytest.mark.parametrize("whole", [*CASES.values(), MIXED, HOSTILE], ids=[*CASES, "mixed", "words"])
def test_every_line_is_a_path_a_value_and_the_moment_the_run_ended(whole: Report) -> None:
    told = series(whole)
    assert told["olaudit.hosts"] == len(whole.hosts)
    assert told["olaudit.unreachable"] == whole.unreachable


def test_a_host_that_was_not_audited_is_down_and_has_a_gap_never_a_zero() -> None:
    told = series(MIXED)
    of_host = {path: value for path, value in told.items() if path.startswith("olaudit.host.ol-mem0.")}
    assert of_host == {
        "olaudit.host.ol-mem0.up": 0,
        "olaudit.host.ol-mem0.duration_seconds": 0.5,
        "olaudit.host.ol-mem0.unknown": 1,
    }
    assert told["olaudit.host.ol-covers0.up"] == 1


def test_where_nothing_was_audited_there_is_no_zero_drift_at_all() -> None:
    told = series(CASES["jump-host-down"])
    assert not [path for path in told if re.search(r"\.(ok|drift|waived)$", path)]
    assert told["olaudit.unknown"] == 4


def test_drift_is_counted_by_host_and_by_kind_of_check() -> None:
    told = series(MIXED)
    assert told["olaudit.host.ol-covers0.drift"] == 1
    assert told["olaudit.host.ol-covers0.waived"] == 1
    assert told["olaudit.check.container.drift"] == 2
    assert told["olaudit.check.container.unknown"] == 3


def test_a_fully_qualified_host_is_one_word_of_the_path() -> None:
    assert "olaudit.host.ol-web1_example_org.up" in series(report({"ol-web1.example.org": []}))


@given(REPORTS)
def test_no_word_of_a_host_is_in_any_path(whole: Report) -> None:
    hosts = {f"host.{host.host}.{what}" for host in whole.hosts for what in (*Verdict, "up", "duration_seconds")}
    checkers = {
        f"check.{kind}.{verdict}" for kind in ("container", "host", "path", "symlink") for verdict in Verdict
    }
    totals = {*Verdict, "hosts", "unreachable", "checks", "complete", "duration_seconds"}
    assert {path.removeprefix("olaudit.") for path in series(whole)} <= hosts | checkers | totals
