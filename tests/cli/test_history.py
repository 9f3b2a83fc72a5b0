"""`olaudit history`: earlier runs, and the history of hosts and findings; no host is contacted."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from olaudit.cli import main
from olaudit.history import History
from olaudit.model import FailureReason
from tests.cli.history_command import Capture, assert_only_colours_differ, run, run_json, schema, write_reports
from tests.history.run_builder import A_REACHABLE, DISK_ID, MODE_ID, SCOPE, make_finding, make_report


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create the default reports' folder, with a history of five runs."""
    return write_reports(tmp_path, monkeypatch)


RUNS = """\
started (UTC)     audited  ok  drift  unknown  waived  changed                 run
2026-11-05 03:00  2 of 2    2      1        0       1  INCOMPLETE, 1 resolved  20261105T030000Z-0005
2026-11-04 03:00  1 of 2    2      1        1       0  1 resolved              20261104T030000Z-0004
2026-11-03 03:00  1 of 2    1      1        2       0  1 new                   20261103T030000Z-0003
2026-11-02 03:00  2 of 2    2      2        0       0  1 new                   20261102T030000Z-0002
2026-11-01 03:00  2 of 2    3      1        0       0  1 new                   20261101T030000Z-0001
"""


@pytest.mark.usefixtures("reports")
def test_runs_are_listed_newest_first(capsys: Capture) -> None:
    assert run(capsys, "history") == RUNS


NARROW = """\
started (UTC)     audited  ok  drift  unknown  waived  changed
2026-11-05 03:00  2 of 2    2      1        0       1  INCOMPLETE, 1 resolved
2026-11-04 03:00  1 of 2    2      1        1       0  1 resolved

there are older runs: --limit N shows more
"""


@pytest.mark.usefixtures("reports")
def test_a_narrow_terminal_gets_no_run_ids(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(capsys, "history", "--limit", "2") == NARROW


HOST = """\
ol-a: 1 open drift (1 waived), 1 ended, never unreachable

open
  WAIVED  disk.free  /x
    since 2026-11-02 03:00 UTC, 3 days  6a21e0e8a4bc
    expected free, observed full
    waived by Ann (T-1) until 2026-12-01: a larger disk is ordered

ended
  fixed  path.mode  /x
    2026-11-03 03:00 to 2026-11-04 03:00 UTC, 1 day  2502c24f86fb
    expected free, observed full
"""


@pytest.mark.usefixtures("reports")
def test_a_host_has_its_episodes_open_ones_first(capsys: Capture) -> None:
    assert run(capsys, "history", "ol-a") == HOST


UNREACHABLE = """\
ol-b: 1 open drift, 0 ended, not audited in 2 runs

open
  DRIFT warning  path.mode  /opt/olsystem
    since 2026-11-01 03:00 UTC, 4 days  703ddaad46e1
    expected free, observed 0777

not audited
  timeout  2026-11-03 03:00 to 2026-11-04 03:00 UTC, 2 runs
    ol-b: timeout
"""


@pytest.mark.usefixtures("reports")
def test_a_host_is_found_by_its_qualified_name_too(capsys: Capture) -> None:
    assert run(capsys, "history", "OL-B.us.archive.org") == UNREACHABLE


FINDING = """\
ol-a  disk.free  /x
id 6a21e0e8a4bc

open
  WAIVED  since 2026-11-02 03:00 UTC, 3 days
    expected free, observed full
    waived by Ann (T-1) until 2026-12-01: a larger disk is ordered

verdicts
  waived   2026-11-05 03:00 UTC
    expected free, observed full
    waived by Ann (T-1) until 2026-12-01: a larger disk is ordered
  drift    2026-11-04 03:00 UTC
    expected free, observed full
  unknown  2026-11-03 03:00 UTC
    expected free, observed timeout
  drift    2026-11-02 03:00 UTC
    expected free, observed full
  ok       2026-11-01 03:00 UTC
"""


@pytest.mark.usefixtures("reports")
def test_a_finding_has_its_episodes_and_verdicts(capsys: Capture) -> None:
    assert run(capsys, "history", DISK_ID[:5]) == FINDING


def test_drift_that_the_latest_run_missed_is_unobserved(reports: Path, capsys: Capture) -> None:
    with History.open(reports / "history.sqlite") as history:
        history.add_run(make_report(6, [A_REACHABLE], failed={"ol-b": FailureReason.DNS}), SCOPE)
        history.commit()
    period = "since 2026-11-01 03:00 UTC, 5 days, last seen 2026-11-05 03:00 UTC: unobserved since"
    assert period in run(capsys, "history", "ol-b")


@pytest.mark.usefixtures("reports")
@pytest.mark.parametrize("about", [(), ("ol-a",), ("ol-b",), (DISK_ID,)], ids=["runs", "a", "b", "finding"])
def test_color_changes_only_the_colours(capsys: Capture, about: tuple[str, ...]) -> None:
    assert_only_colours_differ(capsys, "history", *about)


# --- JSON --------------------------------------------------------------------------------------------------------


def test_json_lists_the_runs(reports: Path, capsys: Capture) -> None:
    file = str(reports / "history.sqlite")
    (latest,) = run_json(capsys, "history", "--limit", "1", "--history", file)
    assert (latest["complete"], latest["waived"], latest["new"], latest["resolved"]) == (False, 1, 0, 1)


@pytest.mark.usefixtures("reports")
def test_json_has_the_history_of_a_host(capsys: Capture) -> None:
    host = run_json(capsys, "history", "ol-b")
    assert list(host) == ["host", "episodes", "unreachable_spans"]
    assert [span["failure"]["reason"] for span in host["unreachable_spans"]] == ["timeout"]
    assert [episode["ended"] for episode in host["episodes"]] == [None]


@pytest.mark.usefixtures("reports")
def test_json_has_the_history_of_a_finding(capsys: Capture) -> None:
    finding = run_json(capsys, "history", MODE_ID)
    assert list(finding) == ["id", "host", "check", "subject", "episodes", "spans"]
    (episode,) = finding["episodes"]
    assert (finding["id"], episode["id"], episode["ending"]) == (MODE_ID, MODE_ID, "fixed")
    assert [span["verdict"] for span in finding["spans"]] == ["drift", "ok"]
    assert [span["finding"] is None for span in finding["spans"]] == [False, True]


@pytest.mark.usefixtures("reports")
def test_the_schema_refuses_other_documents(capsys: Capture) -> None:
    Draft202012Validator.check_schema(made := schema(capsys, "history"))
    validator = Draft202012Validator(made)
    host = run_json(capsys, "history", "ol-b")
    assert not validator.is_valid(host | {"drifts": []})
    assert not validator.is_valid({key: value for key, value in host.items() if key != "episodes"})
    assert not validator.is_valid(run_json(capsys, "compare", "previous", "latest"))


# --- errors and permissions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ["ol-bb"],
            (
                "no host called 'ol-bb' is in the history: did you mean 'ol-b'?\n"
                "hint: a finding is named by 4 to 12 hex digits of its id"
            ),
        ),
        (
            ["ffff"],
            (
                "no finding in the history has an id that begins with ffff\n"
                "hint: `olaudit history HOST` lists the findings of a host"
            ),
        ),
        (
            ["--history", "none.sqlite"],
            (
                "there is no history none.sqlite yet\n"
                "hint: `olaudit report` creates it; or name another with --history FILE"
            ),
        ),
    ],
    ids=["host", "finding", "file"],
)
@pytest.mark.usefixtures("reports")
def test_a_missing_host_finding_or_file_is_refused(capsys: Capture, arguments: list[str], error: str) -> None:
    assert main(["history", *arguments]) == 2
    assert capsys.readouterr().err == f"olaudit: {error}\n"


def test_a_prefix_of_several_ids_is_refused_with_them(reports: Path, capsys: Capture) -> None:
    findings = [make_finding("ol-a", "path.mode", "ok", subject=str(number)) for number in range(2000)]
    with History.open(reports / "history.sqlite") as history:
        history.add_run(make_report(6, findings), SCOPE)
        history.commit()
    prefixes = Counter(finding.id[:4] for finding in findings)
    prefix = next(prefix for prefix, count in prefixes.items() if count == 2)
    assert main(["history", prefix]) == 2
    error = capsys.readouterr().err
    assert f"2 finding ids begin with {prefix}" in error
    assert error.count("(ol-a path.mode ") == 2


def test_reading_needs_no_write_permission(reports: Path, capsys: Capture) -> None:
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


def test_the_command_line_imports_no_transport_library() -> None:
    code = "import sys, olaudit.cli; print(*{'paramiko', 'docker', 'asyncio'} & sys.modules.keys())"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert loaded.stdout == "\n"
