"""A full or lost disk does not lose findings or damage the history.

The disk is real: a small tmpfs in a private mount namespace.
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
_ROOT = Path(__file__).parents[2]
_SETUP = """
import io, os, subprocess, sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from olaudit.cli import main
from olaudit.history import History
from tests.cli.fleet import tools
DISK = Path(sys.argv[1])
REPORTS = DISK / "reports"
SCRIPT = {"ol-a": "Linux", "ol-b": "Hurd"}
def run(*arguments, script=SCRIPT, before=lambda: None):
    script_tools = tools(script)
    def make_transport(options):
        before()
        return script_tools.make_transport(options)
    import dataclasses
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([*arguments], dataclasses.replace(script_tools, make_transport=make_transport))
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
def run_count():
    with History.open(REPORTS / "history.sqlite", create=False) as history:
        return len(history.runs(99))
"""


def run_on_disk(folder: Path, program: str, size: int = 1024) -> None:
    """Run `program` in a process that has a file system of `size` KiB mounted on a folder."""
    probe = subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("this user may not create a mount namespace")
    write_expected(folder / "expected", "ol-a", "ol-b")
    disk = folder / "disk"
    disk.mkdir()
    assert "'" not in _SETUP + program
    command = _MOUNT.format(size=size, disk=disk, python=sys.executable, program=_SETUP + program)
    process = subprocess.run(
        [*_UNSHARE, "sh", "-c", command],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(_ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("option", ["-o", "--record"])
def test_check_prints_findings_if_a_file_cannot_be_written(tmp_path: Path, option: str) -> None:
    value = 'f"json={DISK}/x"' if option == "-o" else 'f"{DISK}/x"'
    run_on_disk(
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


def test_report_prints_findings_on_a_full_disk(tmp_path: Path) -> None:
    run_on_disk(
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


def test_changes_of_an_unstored_run_are_reported_again(tmp_path: Path) -> None:
    run_on_disk(
        tmp_path,
        """
assert run("report", "--reports", str(REPORTS), script={"ol-a": "Linux", "ol-b": "Linux"})[0] == 0
fill()
code, out, err = run("report", "--reports", str(REPORTS))
assert code == 74, code
assert "1 new" in out, out
assert run_count() == 1
os.unlink(DISK / "filler")
code, out, err = run("report", "--reports", str(REPORTS))
assert (code, err) == (1, ""), (code, err)
assert "1 new" in out, out
assert run_count() == 2
assert not [file.name for file in REPORTS.iterdir() if file.name.endswith(("tmp", "journal"))]
""",
    )


def test_every_write_failure_is_reported(tmp_path: Path) -> None:
    run_on_disk(
        tmp_path,
        """
stored, codes = 0, set()
for leave in range(0, 200, 12):
    fill(leave * 1024)
    code, out, err = run("report", "--reports", str(REPORTS), "-o", f"json={DISK}/o.json", "--record", f"{DISK}/r")
    assert "ol-b" in out and "Hurd" in out, (leave, code, out, err)
    assert code in (1, 74), (leave, code, err)
    assert (code == 74) == bool(err), (leave, code, err)
    codes.add(code)
    stored += code == 1
    os.unlink(DISK / "filler")
    if stored:
        assert run_count() == stored, leave
assert codes == {1, 74}, codes
""",
    )


def test_folder_removed_during_the_audit_loses_no_finding(tmp_path: Path) -> None:
    run_on_disk(
        tmp_path,
        """
first = run("report", "--reports", str(REPORTS))
assert first[0] == 1, first
remove = lambda: subprocess.run(["rm", "-r", str(REPORTS)], check=True)
code, out, err = run("report", "--reports", str(REPORTS), before=remove)
assert code == 74, (code, err)
assert "ol-b" in out and "Hurd" in out, out
""",
    )
