from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from olaudit.cli import main
from olaudit.model import Failure, FailureReason, finding_id
from tests.cli.fleet import tools

FIRST = datetime(2026, 11, 20, 3, 0, 0, tzinfo=UTC)
FINE = {"ol-a": "Linux", "ol-b": "Linux", "ol-c": "Linux"}
DRIFTED = FINE | {"ol-b": "Minix"}
DOWN: dict[str, str | Failure] = FINE | {"ol-b": Failure(FailureReason.TIMEOUT, "no answer within 30 s")}

pytestmark = pytest.mark.usefixtures("expected")


class NightlyReport:
    """A function that runs `olaudit report` one day later than before, and returns its output."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.now = FIRST - timedelta(days=1)
        self.code = 0
        self.err = ""
        self._capsys = capsys

    def __call__(self, script: Mapping[str, str | Failure], *arguments: str, days: float = 1) -> str:
        self.now += timedelta(days=days)
        self.code = main(["report", *arguments], replace(tools(script), now=lambda: self.now))
        captured = self._capsys.readouterr()
        self.err = captured.err
        return captured.out


@pytest.fixture
def report_run(capsys: pytest.CaptureFixture[str]) -> NightlyReport:
    return NightlyReport(capsys)


def test_first_run_compares_with_no_earlier_run(report_run: NightlyReport) -> None:
    assert report_run(DRIFTED) == (
        "DRIFT: 1 drift (1 new), 0 unknown of 6 checks; 3 of 3 hosts audited, 2026-11-20 03:00 UTC\n"
        "\n"
        "NEW (1), there is no earlier run to compare with\n"
        f"  warning  ol-b  kernel.name  kernel  {finding_id('ol-b', 'kernel.name', 'kernel')}\n"
        "      the kernel is Minix\n"
    )
    assert report_run.code == 1


def test_drift_is_new_then_unchanged_then_resolved(report_run: NightlyReport) -> None:
    assert report_run(FINE) == (
        "OK: 0 drift, 0 unknown of 6 checks; 3 of 3 hosts audited, 2026-11-20 03:00 UTC\n"
        "\n"
        "NEW: none, there is no earlier run to compare with\n"
    )
    assert "NEW (1), since 2026-11-20 03:00 UTC\n" in report_run(DRIFTED)
    assert report_run(DRIFTED) == (
        "DRIFT: 1 drift, 0 unknown of 6 checks; 3 of 3 hosts audited, 2026-11-22 03:00 UTC\n"
        "\n"
        "NEW: none, since 2026-11-21 03:00 UTC\n"
        "\n"
        "UNCHANGED (1)\n"
        "  warning  1 day  ol-b  kernel.name  kernel  Minix\n"
    )
    assert report_run(FINE) == (
        "OK: 0 drift, 0 unknown of 6 checks; 3 of 3 hosts audited, 2026-11-23 03:00 UTC\n"
        "\n"
        "NEW: none, since 2026-11-22 03:00 UTC\n"
        "\n"
        "RESOLVED (1)\n"
        "  ol-b  kernel.name  kernel  fixed; drift from 2026-11-21 03:00 UTC to 2026-11-22 03:00 UTC\n"
    )
    assert report_run.code == 0


def test_unreachable_host_keeps_its_drift_open(report_run: NightlyReport) -> None:
    report_run(DRIFTED)
    assert report_run(DOWN) == (
        "UNKNOWN: 0 drift, 1 unknown of 5 checks; 2 of 3 hosts audited, 2026-11-21 03:00 UTC\n"
        "\n"
        "NEW: none, since 2026-11-20 03:00 UTC\n"
        "\n"
        "UNKNOWN (1)\n"
        "  ol-b  NOT AUDITED (timeout), new\n"
        "      no answer within 30 s\n"
        "\n"
        "UNOBSERVED (1)\n"
        "  warning  1 day  ol-b  kernel.name  kernel  last seen 2026-11-20 03:00 UTC\n"
    )
    assert report_run.code == 3
    assert "  ol-b  NOT AUDITED (timeout), for 1 day\n" in report_run(DOWN)
    assert report_run(DRIFTED) == (
        "DRIFT: 1 drift, 0 unknown of 6 checks; 3 of 3 hosts audited, 2026-11-23 03:00 UTC\n"
        "\n"
        "NEW: none, since 2026-11-22 03:00 UTC\n"
        "\n"
        "UNCHANGED (1)\n"
        "  warning  3 days  ol-b  kernel.name  kernel  Minix\n"
        "\n"
        "OBSERVED AGAIN (1)\n"
        "  ol-b host.reachable\n"
    )


def test_quiet_run_prints_changes_only(report_run: NightlyReport) -> None:
    assert report_run(FINE, "--quiet").startswith("OK: ")
    for script, verdict in (
        (FINE, ""),
        (DRIFTED, "DRIFT"),
        (DRIFTED, ""),
        (DOWN, "UNKNOWN"),
        (DOWN, ""),
        (FINE, "OK"),
    ):
        assert report_run(script, "--quiet").partition(":")[0] == verdict
    assert report_run.err == ""


def test_quiet_run_prints_once_a_week_without_changes(report_run: NightlyReport) -> None:
    printed = [bool(report_run(DRIFTED, "--quiet")) for _ in range(15)]
    assert [day for day, has_output in enumerate(printed) if has_output] == [0, 7, 14]


def test_weekly_output_continues_after_a_wrong_clock(report_run: NightlyReport) -> None:
    report_run(FINE, "--quiet", days=4000)
    report_run.now = FIRST
    printed = [bool(report_run(FINE, "--quiet")) for _ in range(9)]
    assert [day for day, has_output in enumerate(printed) if has_output] == [0, 7]


def test_weekly_output_allows_for_an_early_start(report_run: NightlyReport) -> None:
    report_run(FINE, "--quiet")
    assert report_run(FINE, "--quiet", days=7 - 1 / 1440)


def test_report_is_stored_in_three_formats_with_ages(report_run: NightlyReport, expected: Path) -> None:
    report_run(DRIFTED)
    report_run(DRIFTED)
    reports = expected.parent / "reports"
    for suffix, start in (("json", "{"), ("html", "<!doctype html>"), ("md", "**DRIFT**: ")):
        latest = reports / f"latest.{suffix}"
        assert latest.readlink() == Path(f"2026-11-21T030000Z.{suffix}")
        assert latest.read_text(encoding="utf-8").startswith(start)
    document = json.loads((reports / "latest.json").read_text())
    assert [finding["first_seen"] for finding in document["findings"]] == ["2026-11-20T03:00:00Z"]
    assert document["run"]["started_at"] == "2026-11-21T03:00:00Z"


def test_history_file_can_be_selected(report_run: NightlyReport, tmp_path: Path) -> None:
    report_run(DRIFTED, "--history", str(tmp_path / "h.sqlite"), "--reports", str(tmp_path / "r"))
    assert (tmp_path / "h.sqlite").exists()
    assert not (tmp_path / "r" / "history.sqlite").exists()
    assert (tmp_path / "r" / "latest.json").exists()


def test_reports_older_than_keep_are_removed(report_run: NightlyReport, expected: Path) -> None:
    for _ in range(30):
        report_run(FINE)
    report_run(FINE, "--keep", "30", days=2)
    assert not (expected.parent / "reports" / "2026-11-20T030000Z.json").exists()
    assert (expected.parent / "reports" / "2026-12-21T030000Z.json").exists()


@pytest.mark.parametrize("days", ["0", "400000", "1000000"])
def test_keep_is_limited_to_a_century(days: str, report_run: NightlyReport) -> None:
    report_run(FINE, "--keep", days)
    assert report_run.code == 2
    assert "is not in the range 1<=x<=36500" in report_run.err


def test_stdout_can_have_any_format(report_run: NightlyReport) -> None:
    assert json.loads(report_run(DRIFTED, "-f", "json"))["summary"]["drift"] == 1
    assert report_run(DRIFTED, "-f", "table").endswith("3 of 3 hosts, 6 checks: 5 ok, 1 drift, 0 unknown\n")


def test_changes_of_an_unprinted_run_are_reported_again(
    report_run: NightlyReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    report_run(FINE)
    with monkeypatch.context() as patch:
        patch.setattr("olaudit.cli.report.emit", _crash)
        report_run(DRIFTED)
        assert report_run.code == 70
    assert "NEW (1), since 2026-11-20 03:00 UTC\n" in report_run(DRIFTED)


def _crash(_text: str) -> None:
    raise RuntimeError("crashed")


def test_reports_folder_without_parent_is_an_error(report_run: NightlyReport) -> None:
    assert report_run(FINE, "--reports", "nowhere/reports") == ""
    assert report_run.err == (
        "olaudit: the reports folder nowhere/reports cannot be created: No such file or directory\n"
    )
    assert report_run.code == 2


def test_nagios_format_always_prints_a_status_line(report_run: NightlyReport) -> None:
    report_run(DRIFTED, "-f", "nagios", "--quiet")
    assert report_run(DRIFTED, "-f", "nagios", "--quiet").startswith("OLAUDIT WARNING - 1 drift")
    assert report_run.code == 1
    assert report_run(DOWN, "-f", "nagios").startswith("OLAUDIT UNKNOWN - ")
    assert report_run.code == 3
