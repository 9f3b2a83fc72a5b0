from __future__ import annotations

import errno
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from olaudit.cli.archive import Archive
from olaudit.errors import OlauditError, UsageError
from olaudit.history import RECENT_RUNS

NIGHT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def test_a_report_is_named_by_when_its_run_started_and_linked_as_the_latest(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.write(NIGHT - timedelta(days=1), {"json": "old", "md": "old"})
    archive.write(NIGHT, {"json": "new", "md": "new"})
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "2026-11-21T030000Z.json",
        "2026-11-21T030000Z.md",
        "2026-11-22T030000Z.json",
        "2026-11-22T030000Z.md",
        "latest.json",
        "latest.md",
    ]
    assert (tmp_path / "latest.json").read_text() == "new"
    assert (tmp_path / "2026-11-21T030000Z.json").read_text() == "old"


def test_the_links_to_the_latest_are_relative_so_that_the_folder_can_be_moved(tmp_path: Path) -> None:
    Archive(tmp_path).write(NIGHT, {"json": "new"})
    assert (tmp_path / "latest.json").readlink() == Path("2026-11-22T030000Z.json")


def test_only_old_reports_are_forgotten(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for day in range(40, 0, -1):
        archive.write(NIGHT - timedelta(days=day), {"json": "a report"})
    (tmp_path / "README.md").write_text("kept")
    (tmp_path / "2020-01-01T000000Z.json.kept").write_text("kept")
    (tmp_path / "2020-01-01T000000Z.json").mkdir()
    archive.forget(NIGHT, keep_days=35)
    kept = sorted(file.name for file in tmp_path.iterdir())
    assert [name for name in kept if not name.startswith("2026-")] == [
        "2020-01-01T000000Z.json",
        "2020-01-01T000000Z.json.kept",
        "README.md",
        "latest.json",
    ]
    assert sum(name.startswith("2026-") for name in kept) == 35


def test_a_clock_that_was_once_ahead_does_not_cost_the_last_reports(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for day in range(40, 0, -1):
        archive.write(NIGHT - timedelta(days=day), {"json": "a report"})
    archive.forget(NIGHT + timedelta(days=4000), keep_days=400)
    assert len(list(tmp_path.glob("2026-*.json"))) == RECENT_RUNS


def test_what_cannot_be_locked_or_cleared_is_no_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".left.1.tmp").mkdir()
    with Archive(tmp_path).held(NIGHT):
        pass

    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    with (
        pytest.raises(UsageError, match=r"\.lock cannot be locked: No locks available"),
        Archive(tmp_path).held(NIGHT),
    ):
        pass


def test_what_a_killed_run_was_writing_is_cleared_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / f".2026-11-22T030000Z.json.{os.getpid()}.tmp"
    left.write_text('{"half": ')
    (tmp_path / ".mine").write_text("kept")
    with Archive(tmp_path).held(NIGHT):
        assert not left.exists()
    assert (tmp_path / ".mine").exists()


def test_a_second_run_says_who_holds_the_folder_and_leaves(tmp_path: Path) -> None:
    # in one process as well: a lock belongs to the open file, not to the process
    message = f"another run is writing to {tmp_path}: process {os.getpid()} on .*, since 2026-11-22 03:00:00 UTC"
    with Archive(tmp_path).held(NIGHT), pytest.raises(OlauditError, match=message):  # noqa: SIM117 - one raises
        with Archive(tmp_path).held(NIGHT + timedelta(minutes=1)):
            pytest.fail("two runs hold one folder")
    with Archive(tmp_path).held(NIGHT):
        pass


def test_the_lock_of_a_killed_run_is_free(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys, datetime, pathlib; from olaudit.cli.archive import Archive\n"
        "with Archive(pathlib.Path(sys.argv[1])).held(datetime.datetime.now(datetime.UTC)):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert killed.returncode == -9
    with Archive(tmp_path).held(NIGHT):
        assert f"process {os.getpid()} " in (tmp_path / ".lock").read_text()


def test_the_folder_is_made_but_not_its_parents(tmp_path: Path) -> None:
    Archive(tmp_path / "reports")
    assert (tmp_path / "reports").is_dir()
    with pytest.raises(UsageError, match="nowhere/reports cannot be made: No such file or directory"):
        Archive(tmp_path / "nowhere" / "reports")


def test_a_folder_that_is_a_file_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("")
    with pytest.raises(UsageError, match="reports cannot be made: File exists"):
        Archive(tmp_path / "reports")


@pytest.mark.parametrize("kind", ["symlink", "hard link", "fifo", "folder", "device"])
def test_a_lock_that_is_no_file_of_this_folder_is_refused(tmp_path: Path, kind: str) -> None:
    folder, victim = tmp_path / "reports", tmp_path / "victim"
    folder.mkdir()
    victim.write_text("precious")
    lock = folder / ".lock"
    match kind:
        case "symlink":
            lock.symlink_to(victim)
        case "hard link":
            lock.hardlink_to(victim)
        case "fifo":
            os.mkfifo(lock)
        case "folder":
            lock.mkdir()
        case _:
            lock.symlink_to("/dev/zero")
    with (
        pytest.raises(UsageError, match="is not a regular file of this folder alone"),
        Archive(folder).held(NIGHT),
    ):
        pass
    assert victim.read_text() == "precious"


def test_links_in_the_place_of_reports_are_replaced_and_not_followed(tmp_path: Path) -> None:
    folder, victim = tmp_path / "reports", tmp_path / "victim"
    folder.mkdir()
    victim.write_text("precious")
    for name in ("2026-11-22T030000Z.json", "latest.json"):
        (folder / name).symlink_to(victim)
    Archive(folder).write(NIGHT, {"json": "new"})
    assert victim.read_text() == "precious"
    assert (folder / "latest.json").readlink() == Path("2026-11-22T030000Z.json")
    assert not (folder / "2026-11-22T030000Z.json").is_symlink()


def test_all_of_the_folder_is_private_whatever_the_umask(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    before = os.umask(0)
    try:
        archive = Archive(folder)
        with archive.held(NIGHT):
            archive.write(NIGHT, {"json": "x"})
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o750
    assert {file.lstat().st_mode & 0o777 for file in folder.iterdir() if not file.is_symlink()} == {0o640}
