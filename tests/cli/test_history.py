"""`olaudit history` and `olaudit compare`: what earlier runs saw, and nothing asked of any host."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from olaudit.cli import main
from olaudit.history import History
from olaudit.model import FailureReason
from tests.history.run_builder import DISK, MODE, SCOPE, UP, five_nights, found, report


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with the history of five nights, found by default."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    return five_nights(tmp_path / "reports")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert all(line == line.rstrip() for line in said.out.splitlines())
    return said.out


RUNS = """\
started (UTC)     audited  ok  drift  unknown  waived  changed             run
2026-11-05 03:00  2 of 2    2      1        0       1  INCOMPLETE, 1 gone  20261105T030000Z-0005
2026-11-04 03:00  1 of 2    2      1        1       0  1 gone              20261104T030000Z-0004
2026-11-03 03:00  1 of 2    1      1        2       0  1 new               20261103T030000Z-0003
2026-11-02 03:00  2 of 2    2      2        0       0  1 new               20261102T030000Z-0002
2026-11-01 03:00  2 of 2    3      1        0       0  1 new               20261101T030000Z-0001
"""


@pytest.mark.usefixtures("reports")
def test_the_runs_are_listed_newest_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "history") == RUNS


NARROW = """\
started (UTC)     audited  ok  drift  unknown  waived  changed
2026-11-05 03:00  2 of 2    2      1        0       1  INCOMPLETE, 1 gone
2026-11-04 03:00  1 of 2    2      1        1       0  1 gone

there are older runs: --limit N shows more
"""


@pytest.mark.usefixtures("reports")
def test_narrow_terminals_do_without_the_runs_ids(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(capsys, "history", "--limit", "2") == NARROW


HOST = """\
ol-a: 1 open drift (1 waived), 1 ended, reachable whenever asked

open
  WAIVED  disk.free  /x
    since 2026-11-02 03:00 UTC, 3 days  6a21e0e8a4bc
    it is full
    waived by Ann (T-1) until 2026-12-01: a new one is ordered

ended
  mended  path.mode  /x
    2026-11-03 03:00 to 2026-11-04 03:00 UTC, 1 day  2502c24f86fb
    it is full
"""


@pytest.mark.usefixtures("reports")
def test_a_host_has_its_drifts_open_ones_first_and_the_nights_it_was_not_audited(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(capsys, "history", "ol-a") == HOST


UNREACHABLE = """\
ol-b: 1 open drift, 0 ended, not audited in 2 runs

open
  DRIFT warning  path.mode  /opt/olsystem
    since 2026-11-01 03:00 UTC, 4 days  703ddaad46e1
    it is 0777

not audited
  timeout  2026-11-03 03:00 to 2026-11-04 03:00 UTC, 2 runs
    ol-b: timeout
"""


@pytest.mark.usefixtures("reports")
def test_a_host_is_found_by_its_full_name_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "history", "OL-B.us.archive.org") == UNREACHABLE


FINDING = """\
ol-a  disk.free  /x
id 6a21e0e8a4bc

open
  WAIVED  since 2026-11-02 03:00 UTC, 3 days
    it is full
    waived by Ann (T-1) until 2026-12-01: a new one is ordered

what was said
  waived   2026-11-05 03:00 UTC
    it is full
    waived by Ann (T-1) until 2026-12-01: a new one is ordered
  drift    2026-11-04 03:00 UTC
    it is full
  unknown  2026-11-03 03:00 UTC
    it is asked too late
  drift    2026-11-02 03:00 UTC
    it is full
  ok       2026-11-01 03:00 UTC
"""


@pytest.mark.usefixtures("reports")
def test_a_finding_has_its_lives_and_all_that_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "history", DISK[:5]) == FINDING


def test_a_drift_the_latest_run_could_not_look_at_is_said_to_be_hidden(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with History.open(reports / "history.sqlite") as history:
        history.add_run(report(6, [UP], failed={"ol-b": FailureReason.DNS}), SCOPE)
        history.commit()
    said = run(capsys, "history", "ol-b")
    assert "since 2026-11-01 03:00 UTC, 5 days, last seen 2026-11-05 03:00 UTC: hidden since" in said


def test_colours_change_nothing_but_colours(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["history"],
        ["history", "ol-a"],
        ["history", "ol-b"],
        ["history", DISK],
    ):
        plain = run(capsys, *words, "--reports", str(reports))
        coloured = run(capsys, *words, "--color", "always")
        assert coloured != plain
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_scripts_get_json(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = ("--history", str(reports / "history.sqlite"), "-f", "json")
    (latest,) = json.loads(run(capsys, "history", "--limit", "1", *file))
    assert (latest["complete"], latest["waived"], latest["appeared"], latest["went"]) == (False, 1, 0, 1)
    host = json.loads(run(capsys, "history", "ol-b", *file))
    assert [one["failure"]["reason"] for one in host["not_audited"]] == ["timeout"]
    assert [one["ended"] for one in host["drifts"]] == [None]
    finding = json.loads(run(capsys, "history", MODE, *file))
    assert (finding["id"], finding["drifts"][0]["ending"]) == (MODE, "mended")
    assert [one["verdict"] for one in finding["said"]] == ["drift", "ok"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["history", "ol-bb"],
            (
                "no host called 'ol-bb' is in the history: did you mean 'ol-b'?\n"
                "hint: a finding is named by 4 to 12 hex digits of its id"
            ),
        ),
        (
            ["history", "ffff"],
            (
                "no finding in the history has an id that begins with ffff\n"
                "hint: `olaudit history HOST` shows a host's"
            ),
        ),
        (
            ["history", "--history", "none.sqlite"],
            (
                "there is no history none.sqlite yet\n"
                "hint: `olaudit report` makes it; or name one with --history FILE"
            ),
        ),
    ],
)
@pytest.mark.usefixtures("reports")
def test_what_is_not_in_the_history_is_one_clear_line(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err == f"olaudit: {said}\n"


def test_digits_that_begin_several_ids_name_them(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    many = [found("ol-a", "path.mode", "ok", subject=str(number)) for number in range(2000)]
    with History.open(reports / "history.sqlite") as history:
        history.add_run(report(6, many), SCOPE)
        history.commit()
    beginnings = Counter(finding.id[:4] for finding in many)
    digits = next(beginning for beginning, count in beginnings.items() if count == 2)
    assert main(["history", digits]) == 2
    said = capsys.readouterr().err
    assert f"2 findings' ids begin with {digits}" in said
    assert said.count("(ol-a path.mode ") == 2


def test_reading_needs_no_right_to_write(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = reports / "history.sqlite"
    before = file.read_bytes(), sorted(reports.iterdir())
    file.chmod(stat.S_IRUSR)
    reports.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        run(capsys, "history")
        run(capsys, "compare", "previous", "latest")
    finally:
        reports.chmod(0o700)
    assert (file.read_bytes(), sorted(reports.iterdir())) == before


def test_asking_the_history_loads_nothing_that_asks_hosts() -> None:
    code = "import sys, olaudit.cli; print(*{'paramiko', 'docker', 'asyncio'} & sys.modules.keys())"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert loaded.stdout == "\n"
