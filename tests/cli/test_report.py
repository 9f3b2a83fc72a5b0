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


class RunHistory:
    """Runs `olaudit report` night after night, and gives what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.night = FIRST - timedelta(days=1)
        self.code = 0
        self.err = ""
        self._capsys = capsys

    def __call__(self, said: Mapping[str, str | Failure], *arguments: str, days: float = 1) -> str:
        self.night += timedelta(days=days)
        self.code = main(["report", *arguments], replace(tools(said), now=lambda: self.night))
        printed = self._capsys.readouterr()
        self.err = printed.err
        return printed.out


@pytest.fixture
def nights(capsys: pytest.CaptureFixture[str]) -> RunHistory:
    return RunHistory(capsys)


def test_the_first_run_has_nothing_to_compare_with(nights: RunHistory) -> None:
    assert nights(DRIFTED) == (
        "DRIFT: 1 drift (1 new), 0 unknown of 6 checks; 3 of 3 hosts audited, 2026-11-20 03:00 UTC\n"
        "\n"
        "NEW (1), there is no earlier run to compare with\n"
        f"  warning  ol-b  kernel.name  kernel  {finding_id('ol-b', 'kernel.name', 'kernel')}\n"
        "      the kernel is Minix\n"
    )
    assert nights.code == 1


def test_drift_is_new_once_then_still_there_then_gone(nights: RunHistory) -> None:
    assert nights(FINE) == (
        "OK: 0 drift, 0 unknown of 6 checks; 3 of 3 hosts audited, 2026-11-20 03:00 UTC\n"
        "\n"
        "NEW: none, there is no earlier run to compare with\n"
    )
    assert "NEW (1), since 2026-11-20 03:00 UTC\n" in nights(DRIFTED)
    assert nights(DRIFTED) == (
        "DRIFT: 1 drift, 0 unknown of 6 checks; 3 of 3 hosts audited, 2026-11-22 03:00 UTC\n"
        "\n"
        "NEW: none, since 2026-11-21 03:00 UTC\n"
        "\n"
        "UNCHANGED (1)\n"
        "  warning  1 day  ol-b  kernel.name  kernel  Minix\n"
    )
    assert nights(FINE) == (
        "OK: 0 drift, 0 unknown of 6 checks; 3 of 3 hosts audited, 2026-11-23 03:00 UTC\n"
        "\n"
        "NEW: none, since 2026-11-22 03:00 UTC\n"
        "\n"
        "RESOLVED (1)\n"
        "  ol-b  kernel.name  kernel  fixed; drift from 2026-11-21 03:00 UTC to 2026-11-22 03:00 UTC\n"
    )
    assert nights.code == 0


def test_a_night_in_which_the_host_is_unreachable_neither_ends_nor_renews_its_drift(nights: RunHistory) -> None:
    nights(DRIFTED)
    assert nights(DOWN) == (
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
    assert nights.code == 3
    assert "  ol-b  NOT AUDITED (timeout), for 1 day\n" in nights(DOWN)
    assert nights(DRIFTED) == (
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


def test_a_quiet_run_speaks_of_every_change_and_of_nothing_else(nights: RunHistory) -> None:
    assert nights(FINE, "--quiet").startswith("OK: ")
    for said, speaks in (
        (FINE, ""),
        (DRIFTED, "DRIFT"),
        (DRIFTED, ""),
        (DOWN, "UNKNOWN"),
        (DOWN, ""),
        (FINE, "OK"),
    ):
        assert nights(said, "--quiet").partition(":")[0] == speaks
    assert nights.err == ""


def test_a_quiet_run_gives_a_sign_of_life_every_week(nights: RunHistory) -> None:
    spoken = [bool(nights(DRIFTED, "--quiet")) for _ in range(15)]
    assert [night for night, spoke in enumerate(spoken) if spoke] == [0, 7, 14]


def test_a_clock_that_was_once_ahead_does_not_end_the_signs_of_life(nights: RunHistory) -> None:
    nights(FINE, "--quiet", days=4000)
    nights.night = FIRST
    spoken = [bool(nights(FINE, "--quiet")) for _ in range(9)]
    assert [night for night, spoke in enumerate(spoken) if spoke] == [0, 7]


def test_a_quiet_run_that_starts_a_minute_early_still_gives_its_weekly_sign(nights: RunHistory) -> None:
    nights(FINE, "--quiet")
    assert nights(FINE, "--quiet", days=7 - 1 / 1440)


def test_the_report_is_kept_in_three_formats_with_ages(nights: RunHistory, expected: Path) -> None:
    nights(DRIFTED)
    nights(DRIFTED)
    kept = expected.parent / "reports"
    for suffix, start in (("json", "{"), ("html", "<!doctype html>"), ("md", "**DRIFT**: ")):
        latest = kept / f"latest.{suffix}"
        assert latest.readlink() == Path(f"2026-11-21T030000Z.{suffix}")
        assert latest.read_text(encoding="utf-8").startswith(start)
    document = json.loads((kept / "latest.json").read_text())
    assert [finding["first_seen"] for finding in document["findings"]] == ["2026-11-20T03:00:00Z"]
    assert document["run"]["started_at"] == "2026-11-21T03:00:00Z"


def test_history_may_be_kept_elsewhere(nights: RunHistory, tmp_path: Path) -> None:
    nights(DRIFTED, "--history", str(tmp_path / "h.sqlite"), "--reports", str(tmp_path / "r"))
    assert (tmp_path / "h.sqlite").exists()
    assert not (tmp_path / "r" / "history.sqlite").exists()
    assert (tmp_path / "r" / "latest.json").exists()


def test_what_is_older_than_keep_is_forgotten(nights: RunHistory, expected: Path) -> None:
    for _ in range(30):
        nights(FINE)
    nights(FINE, "--keep", "30", days=2)
    assert not (expected.parent / "reports" / "2026-11-20T030000Z.json").exists()
    assert (expected.parent / "reports" / "2026-12-21T030000Z.json").exists()


@pytest.mark.parametrize("days", ["0", "400000", "1000000"])
def test_no_more_days_can_be_kept_than_there_are_in_a_century(days: str, nights: RunHistory) -> None:
    nights(FINE, "--keep", days)
    assert nights.code == 2
    assert "is not in the range 1<=x<=36500" in nights.err


def test_stdout_can_have_any_format(nights: RunHistory) -> None:
    assert json.loads(nights(DRIFTED, "-f", "json"))["summary"]["drift"] == 1
    assert nights(DRIFTED, "-f", "table").endswith("3 of 3 hosts, 6 checks: 5 ok, 1 drift, 0 unknown\n")


def test_a_run_that_could_not_be_told_is_told_again(nights: RunHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    nights(FINE)
    with monkeypatch.context() as patch:
        patch.setattr("olaudit.cli.report.emit", _killed)
        nights(DRIFTED)
        assert nights.code == 70
    assert "NEW (1), since 2026-11-20 03:00 UTC\n" in nights(DRIFTED)


def _killed(_text: str) -> None:
    raise RuntimeError("killed")


def test_a_reports_folder_that_cannot_be_made_is_one_clear_line(nights: RunHistory) -> None:
    assert nights(FINE, "--reports", "nowhere/reports") == ""
    assert nights.err == (
        "olaudit: the reports' folder nowhere/reports cannot be made: No such file or directory\n"
    )
    assert nights.code == 2


def test_as_a_nagios_plugin_it_always_speaks_and_ends_in_a_plugins_code(nights: RunHistory) -> None:
    nights(DRIFTED, "-f", "nagios", "--quiet")
    assert nights(DRIFTED, "-f", "nagios", "--quiet").startswith("OLAUDIT WARNING - 1 drift")
    assert nights.code == 1
    assert nights(DOWN, "-f", "nagios").startswith("OLAUDIT UNKNOWN - ")
    assert nights.code == 3
