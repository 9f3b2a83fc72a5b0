"""The history file: refused with one line if it is not a history or cannot be used, and left unchanged."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from olaudit.errors import HistoryError, OlauditError, UsageError
from olaudit.history import History, file, schema
from tests.history.run_builder import DISK_ID, SCOPE, disk_finding, make_report


@pytest.fixture
def history_path(tmp_path: Path) -> Path:
    """Create a history of one run."""
    path = tmp_path / "history.sqlite"
    with History.open(path) as history:
        history.add_run(make_report(1, [disk_finding("drift")]), SCOPE)
        history.commit()
    return path


def open_error(path: Path, *, create: bool = True) -> OlauditError:
    """Return the error of opening `path`; assert that it is one line and that the file is unchanged."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(OlauditError) as error, History.open(path, create=create) as history:
        history.runs(1)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert "\n" not in error.value.message
    return error.value


def test_there_is_nothing_to_read_before_the_first_run(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    error = open_error(path, create=False)
    assert isinstance(error, UsageError)
    assert error.message == f"there is no history {path} yet"
    assert error.hint == "`olaudit report` creates it; or name another with --history FILE"
    assert not path.exists()
    path.touch()
    assert open_error(path, create=False).message == f"there is no history {path} yet"


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("content", [b"hello", b"{}\n" * 2000], ids=["short", "long"])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes, create: bool) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    message = f"{path} is not a history of olaudit, and not a SQLite database"
    assert open_error(path, create=create).message == message


@pytest.mark.parametrize("create", [True, False])
def test_a_database_of_another_application_is_refused(tmp_path: Path, create: bool) -> None:
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE t (x)")
        other.commit()
    message = f"{path} is not a history of olaudit, but a database of another application"
    assert open_error(path, create=create).message == message


@pytest.mark.parametrize("create", [True, False])
def test_a_newer_history_is_refused(history_path: Path, create: bool) -> None:
    with closing(sqlite3.connect(history_path)) as newer:
        newer.execute("PRAGMA user_version = 9")
    error = open_error(history_path, create=create)
    assert error.message == (
        f"the history {history_path} has version 9; this olaudit supports versions up to {len(schema.STEPS)}"
    )
    assert error.hint == "use the olaudit that wrote it, or --history FILE"
    assert error.exit_code == 2


def test_a_damaged_history_is_refused_before_a_run_is_added(history_path: Path) -> None:
    content = bytearray(history_path.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    history_path.write_bytes(content)
    error = open_error(history_path)
    assert error.message.startswith(f"the history {history_path} is damaged: ")
    assert error.hint.startswith("move it away (the next `olaudit report` creates a new one)")


def test_a_truncated_history_is_refused(history_path: Path) -> None:
    history_path.write_bytes(history_path.read_bytes()[:5000])
    assert f"the history {history_path} is damaged: " in open_error(history_path).message
    assert f"the history {history_path} is damaged: " in open_error(history_path, create=False).message


@pytest.mark.parametrize("create", [True, False])
def test_a_folder_is_refused(tmp_path: Path, create: bool) -> None:
    message = f"{tmp_path} is not a history of olaudit: it is not a regular file"
    assert open_error(tmp_path, create=create).message == message


def test_the_folder_of_a_new_history_must_exist(tmp_path: Path) -> None:
    path = tmp_path / "none" / "history.sqlite"
    assert open_error(path).message == f"the history {path} cannot be opened: No such file or directory"


def test_a_full_disk_loses_only_the_run_being_added(history_path: Path) -> None:
    with History.open(history_path) as history:
        pages = history._connection.execute("PRAGMA page_count").fetchone()[0]
        history._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(HistoryError, match="cannot be written: the disk is full"):
            history.add_run(make_report(2, [disk_finding("drift")]), SCOPE, os.urandom(30_000).hex())
    with History.open(history_path) as history:
        assert len(history.runs(9)) == 1
        assert [episode.ended for episode in history.episodes(DISK_ID)] == [None]


def test_a_locked_history_is_an_error_after_a_timeout(history_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "LOCK_TIMEOUT", 0.1)
    with History.open(history_path) as writer, History.open(history_path) as other:
        writer.add_run(make_report(2), SCOPE)
        with pytest.raises(HistoryError, match="is locked: another process has been writing to it for"):
            other.add_run(make_report(3), SCOPE)
        with History.open(history_path, create=False) as reader:  # a reader sees what is committed
            assert len(reader.runs(9)) == 1
        writer.commit()
        other.add_run(make_report(3), SCOPE)


def test_a_reader_cannot_write(history_path: Path) -> None:
    with (
        History.open(history_path, create=False) as history,
        pytest.raises(HistoryError, match="cannot be written"),
    ):
        history.set_last_printed("now")


KILLED = """
import os, signal, sys
from pathlib import Path
from olaudit.history import History
from tests.history.run_builder import SCOPE, disk_finding, make_report
with History.open(Path(sys.argv[1])) as history:
    history._connection.execute("PRAGMA cache_size = 1")  # so that pages are written before the commit
    history.add_run(make_report(2, [disk_finding("ok")]), SCOPE, os.urandom(200_000).hex())
    os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_while_writing(path: Path) -> None:
    argv = [sys.executable, "-c", KILLED, str(path)]
    assert subprocess.run(argv, check=False, cwd=Path(__file__).parents[2]).returncode == -signal.SIGKILL
    assert path.with_name("history.sqlite-journal").stat().st_size


@pytest.mark.parametrize("create", [True, False])
def test_a_run_killed_while_writing_is_rolled_back(history_path: Path, create: bool) -> None:
    kill_while_writing(history_path)
    with History.open(history_path, create=create) as history:
        assert len(history.runs(9)) == 1
        assert [episode.ended for episode in history.episodes(DISK_ID)] == [None]


def test_a_reader_without_write_access_cannot_roll_back(
    history_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_while_writing(history_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    error = open_error(history_path, create=False)
    assert error.message == (
        f"the history {history_path} cannot be read: "
        "a run was killed while writing to it, and must be rolled back first"
    )


# --- versions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", range(len(schema.STEPS) + 1))
def test_a_history_of_any_older_version_is_migrated(tmp_path: Path, version: int) -> None:
    path = tmp_path / "history.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.execute("BEGIN")
        schema.migrate(old, schema.STEPS[:version])
        old.execute("COMMIT")
    with History.open(path) as history:
        history.add_run(make_report(1), SCOPE)
        history.commit()
        assert history._connection.execute("PRAGMA user_version").fetchone()[0] == len(schema.STEPS)


@pytest.fixture
def future_steps(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Add a migration step, as a future version of olaudit will."""
    steps = (*schema.STEPS, "ALTER TABLE runs ADD COLUMN note TEXT;\nUPDATE runs SET note = 'a; b';\n")
    monkeypatch.setattr(file, "STEPS", steps)
    monkeypatch.setattr(file, "migrate", lambda connection: schema.migrate(connection, steps))
    return steps


def test_reading_an_older_history_leaves_it_unchanged(history_path: Path, future_steps: tuple[str, ...]) -> None:
    before = history_path.read_bytes()
    assert len(future_steps) > len(schema.STEPS)
    with History.open(history_path, create=False) as history:
        assert len(history.runs(9)) == 1
        assert history._connection.execute("SELECT note FROM runs").fetchone()["note"] == "a; b"
    assert history_path.read_bytes() == before


def test_a_migration_is_complete_or_rolled_back(history_path: Path, future_steps: tuple[str, ...]) -> None:
    with History.open(history_path) as history:
        assert len(history.episodes(DISK_ID)) == 1
        assert history._connection.execute("PRAGMA user_version").fetchone()[0] == len(future_steps)
    with closing(sqlite3.connect(history_path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        with pytest.raises(sqlite3.OperationalError):
            schema.migrate(connection, (*future_steps, "CREATE TABLE half (x);\nCREATE NONSENSE;\n"))
        connection.execute("ROLLBACK")
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'half'").fetchall()
        assert connection.execute("PRAGMA user_version").fetchone()[0] == len(future_steps)
