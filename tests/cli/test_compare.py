"""`olaudit compare`: what is between two runs, and nothing asked of any host."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from olaudit.cli import main
from tests.history.run_builder import DISK, five_nights


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


BETWEEN = """\
from 2026-11-02 03:00 UTC  20261102T030000Z-0002  2 of 2 hosts audited
to   2026-11-03 03:00 UTC  20261103T030000Z-0003  1 of 2 hosts audited
1 appeared, 0 went, 0 stayed, 2 hidden

APPEARED (1)
  warning  ol-a  path.mode  /x
    it is full

HIDDEN (2): drift that the second run could not look at
  warning  ol-a  disk.free  /x
  warning  ol-b  path.mode  /opt/olsystem

UNKNOWN NOW (2)
  warning  ol-a  disk.free       /x
    it is asked too late
  warning  ol-b  host.reachable  host
    it is full
"""


@pytest.mark.usefixtures("reports")
def test_two_runs_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "compare", "2026-11-02", "2026-11-03") == BETWEEN


NOTHING = """\
from 2026-11-05 03:00 UTC  20261105T030000Z-0005  2 of 2 hosts audited, INCOMPLETE
to   2026-11-05 03:00 UTC  20261105T030000Z-0005  2 of 2 hosts audited, INCOMPLETE
0 appeared, 0 went, 1 stayed, 0 hidden

STAYED (1)
  warning  ol-b  path.mode  /opt/olsystem
"""


@pytest.mark.usefixtures("reports")
def test_a_run_is_like_itself_and_an_interrupted_one_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "compare", "latest", "20261105") == NOTHING


def test_colours_change_nothing_but_colours(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["compare", "2026-11-02", "2026-11-03"], ["compare", "previous", "latest"]):
        plain = run(capsys, *words, "--reports", str(reports))
        coloured = run(capsys, *words, "--color", "always")
        assert coloured != plain
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


@pytest.mark.usefixtures("reports")
def test_scripts_get_json(capsys: pytest.CaptureFixture[str]) -> None:
    compared = json.loads(run(capsys, "compare", "2026-11-02", "latest", "-f", "json"))
    assert [(one["id"], one["ending"]) for one in compared["went"]] == [(DISK, "waived")]
    assert [one["check"] for one in compared["stayed"]] == ["path.mode"]


@pytest.mark.usefixtures("reports")
def test_a_run_there_is_not_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "latest", "2026-12-24"]) == 2
    assert capsys.readouterr().err == (
        "olaudit: there is no run '2026-12-24'\n"
        "hint: the last are 20261105T030000Z-0005, 20261104T030000Z-0004, 20261103T030000Z-0003; "
        "a date, latest and previous name runs too\n"
    )
