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

STARTED_AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def test_report_is_named_after_its_start_and_linked(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.write(STARTED_AT - timedelta(days=1), {"json": "old", "md": "old"})
    archive.write(STARTED_AT, {"json": "new", "md": "new"})
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


def test_latest_links_are_relative(tmp_path: Path) -> None:
    Archive(tmp_path).write(STARTED_AT, {"json": "new"})
    assert (tmp_path / "latest.json").readlink() == Path("2026-11-22T030000Z.json")


def test_only_old_reports_are_removed(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for day in range(40, 0, -1):
        archive.write(STARTED_AT - timedelta(days=day), {"json": "a report"})
    (tmp_path / "README.md").write_text("kept")
    (tmp_path / "2020-01-01T000000Z.json.kept").write_text("kept")
    (tmp_path / "2020-01-01T000000Z.json").mkdir()
    archive.remove_old(STARTED_AT, keep_days=35)
    names = sorted(file.name for file in tmp_path.iterdir())
    assert [name for name in names if not name.startswith("2026-")] == [
        "2020-01-01T000000Z.json",
        "2020-01-01T000000Z.json.kept",
        "README.md",
        "latest.json",
    ]
    assert sum(name.startswith("2026-") for name in names) == 35


def test_last_reports_are_kept_after_a_wrong_clock(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for day in range(40, 0, -1):
        archive.write(STARTED_AT - timedelta(days=day), {"json": "a report"})
    archive.remove_old(STARTED_AT + timedelta(days=4000), keep_days=400)
    assert len(list(tmp_path.glob("2026-*.json"))) == RECENT_RUNS


def test_failed_lock_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".left.1.tmp").mkdir()
    with Archive(tmp_path).lock(STARTED_AT):
        pass

    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    with (
        pytest.raises(UsageError, match=r"\.lock cannot be locked: No locks available"),
        Archive(tmp_path).lock(STARTED_AT),
    ):
        pass


def test_temporary_files_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    temporary = tmp_path / f".2026-11-22T030000Z.json.{os.getpid()}.tmp"
    temporary.write_text('{"half": ')
    (tmp_path / ".mine").write_text("kept")
    with Archive(tmp_path).lock(STARTED_AT):
        assert not temporary.exists()
    assert (tmp_path / ".mine").exists()


def test_second_run_names_the_holder_of_the_lock(tmp_path: Path) -> None:
    # also within one process: the lock belongs to the open file, not to the process
    message = f"another run is writing to {tmp_path}: process {os.getpid()} on .*, since 2026-11-22 03:00:00 UTC"
    with Archive(tmp_path).lock(STARTED_AT), pytest.raises(OlauditError, match=message):  # noqa: SIM117 - the inner one raises
        with Archive(tmp_path).lock(STARTED_AT + timedelta(minutes=1)):
            pytest.fail("two runs locked the same folder")
    with Archive(tmp_path).lock(STARTED_AT):
        pass


def test_lock_of_a_killed_run_is_released(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys, datetime, pathlib; from olaudit.cli.archive import Archive\n"
        "with Archive(pathlib.Path(sys.argv[1])).lock(datetime.datetime.now(datetime.UTC)):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert killed.returncode == -9
    with Archive(tmp_path).lock(STARTED_AT):
        assert f"process {os.getpid()} " in (tmp_path / ".lock").read_text()


def test_folder_is_created_without_its_parents(tmp_path: Path) -> None:
    Archive(tmp_path / "reports")
    assert (tmp_path / "reports").is_dir()
    with pytest.raises(UsageError, match="nowhere/reports cannot be created: No such file or directory"):
        Archive(tmp_path / "nowhere" / "reports")


def test_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("")
    with pytest.raises(UsageError, match="reports cannot be created: File exists"):
        Archive(tmp_path / "reports")


@pytest.mark.parametrize("kind", ["symlink", "hard link", "fifo", "folder", "device"])
def test_special_lock_file_is_refused(tmp_path: Path, kind: str) -> None:
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
        pytest.raises(UsageError, match="is not a regular file with a single link"),
        Archive(folder).lock(STARTED_AT),
    ):
        pass
    assert victim.read_text() == "precious"


def test_links_are_replaced_and_not_followed(tmp_path: Path) -> None:
    folder, victim = tmp_path / "reports", tmp_path / "victim"
    folder.mkdir()
    victim.write_text("precious")
    for name in ("2026-11-22T030000Z.json", "latest.json"):
        (folder / name).symlink_to(victim)
    Archive(folder).write(STARTED_AT, {"json": "new"})
    assert victim.read_text() == "precious"
    assert (folder / "latest.json").readlink() == Path("2026-11-22T030000Z.json")
    assert not (folder / "2026-11-22T030000Z.json").is_symlink()


def test_folder_is_private_for_any_umask(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    before = os.umask(0)
    try:
        archive = Archive(folder)
        with archive.lock(STARTED_AT):
            archive.write(STARTED_AT, {"json": "x"})
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o750
    assert {file.lstat().st_mode & 0o777 for file in folder.iterdir() if not file.is_symlink()} == {0o640}
