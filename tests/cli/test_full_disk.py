"""A disk that is full, or is lost while hosts are asked, costs no finding, and leaves a history that goes on.

The disk is a real one: a small tmpfs in a mount namespace of the test's own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.fleet import write_expected

_UNSHARE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
_MOUNT = "mount -t tmpfs -o size={size}k olaudit {disk} && exec {python} -c '{program}' {disk}"
_TESTS = Path(__file__).parents[2]
_SETUP = """
import io, os, subprocess, sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from olaudit.cli import main
from olaudit.history import History
from tests.cli.fleet import tools
DISK = Path(sys.argv[1])
REPORTS = DISK / "reports"
SAID = {"ol-a": "Linux", "ol-b": "Hurd"}
def run(*words, said=SAID, before=lambda: None):
    told = tools(said)
    made = told.make_transport
    def transport(options):
        before()
        return made(options)
    import dataclasses
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([*words], dataclasses.replace(told, make_transport=transport))
    assert "Traceback" not in err.getvalue(), err.getvalue()
    return code, out.getvalue(), err.getvalue()
def fill(leave=0):
    with (DISK / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    os.truncate(DISK / "filler", max(0, (DISK / "filler").stat().st_size - leave))
def runs():
    with History.open(REPORTS / "history.sqlite", create=False) as history:
        return len(history.runs(99))
"""


def on_a_disk(folder: Path, program: str, size: int = 1024) -> None:
    """Run `program` in a process for which a folder is a file system of `size` KiB."""
    probe = subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("this user may not make a mount namespace")
    write_expected(folder / "expected", "ol-a", "ol-b")
    disk = folder / "disk"
    disk.mkdir()
    assert "'" not in _SETUP + program
    command = _MOUNT.format(size=size, disk=disk, python=sys.executable, program=_SETUP + program)
    done = subprocess.run(
        [*_UNSHARE, "sh", "-c", command],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(_TESTS)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("option", ["-o", "--record"])
def test_check_prints_its_findings_where_a_file_cannot_be_written(tmp_path: Path, option: str) -> None:
    value = 'f"json={DISK}/x"' if option == "-o" else 'f"{DISK}/x"'
    on_a_disk(
        tmp_path,
        f"""
fill()
code, out, err = run("check", "{option}", {value})
assert code == 74, code
assert "the kernel is Hurd" in out
assert err == f"olaudit: {{DISK}}/x cannot be written: No space left on device\\n", err
assert [file.name for file in DISK.iterdir()] == ["filler"]
""",
    )


def test_report_on_a_full_disk_prints_its_findings(tmp_path: Path) -> None:
    on_a_disk(
        tmp_path,
        """
REPORTS.mkdir()
fill()
code, out, err = run("report", "--reports", str(REPORTS))
assert code == 74, code
assert "ol-b" in out and "kernel" in out, out
assert err.count("\\n") <= 2 and "No space left on device" in err, err
assert run("report", "--reports", str(REPORTS), "-f", "nagios")[0] == 3
""",
    )


def test_a_run_that_could_not_be_kept_is_told_again(tmp_path: Path) -> None:
    on_a_disk(
        tmp_path,
        """
assert run("report", "--reports", str(REPORTS), said={"ol-a": "Linux", "ol-b": "Linux"})[0] == 0
fill()
code, out, err = run("report", "--reports", str(REPORTS))
assert code == 74, code
assert "1 new" in out, out
assert runs() == 1
os.unlink(DISK / "filler")
code, out, err = run("report", "--reports", str(REPORTS))
assert (code, err) == (1, ""), (code, err)
assert "1 new" in out, out
assert runs() == 2
assert not [file.name for file in REPORTS.iterdir() if file.name.endswith(("tmp", "journal"))]
""",
    )


def test_however_much_room_is_left_nothing_is_lost_in_silence(tmp_path: Path) -> None:
    on_a_disk(
        tmp_path,
        """
kept, codes = 0, set()
for leave in range(0, 200, 12):
    fill(leave * 1024)
    code, out, err = run("report", "--reports", str(REPORTS), "-o", f"json={DISK}/o.json", "--record", f"{DISK}/r")
    assert "ol-b" in out and "Hurd" in out, (leave, code, out, err)
    assert code in (1, 74), (leave, code, err)
    assert (code == 74) == bool(err), (leave, code, err)
    codes.add(code)
    kept += code == 1
    os.unlink(DISK / "filler")
    if kept:
        assert runs() == kept, leave
assert codes == {1, 74}, codes
""",
    )


def test_a_folder_that_is_lost_meanwhile_costs_no_finding(tmp_path: Path) -> None:
    on_a_disk(
        tmp_path,
        """
first = run("report", "--reports", str(REPORTS))
assert first[0] == 1, first
lose = lambda: subprocess.run(["rm", "-r", str(REPORTS)], check=True)
code, out, err = run("report", "--reports", str(REPORTS), before=lose)
assert code == 74, (code, err)
assert "ol-b" in out and "Hurd" in out, out
""",
    )
