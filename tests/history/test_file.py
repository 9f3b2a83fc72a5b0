"""The file: refused where it is not ours or cannot be used, each time with one clear line; and never harmed."""

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
from tests.history.run_builder import DISK, SCOPE, disk, report


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Give a history of one run."""
    path = tmp_path / "history.sqlite"
    with History.open(path) as history:
        history.add_run(report(1, [disk("drift")]), SCOPE)
        history.commit()
    return path


def refused(path: Path, *, create: bool = True) -> OlauditError:
    """Give the error with which `path` is refused, and make sure that it is left as it was."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(OlauditError) as error, History.open(path, create=create) as history:
        history.runs(1)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert "\n" not in error.value.message
    return error.value


def test_there_is_nothing_to_read_before_the_first_run(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    error = refused(path, create=False)
    assert isinstance(error, UsageError)
    assert error.message == f"there is no history {path} yet"
    assert error.hint == "`olaudit report` makes it; or name one with --history FILE"
    assert not path.exists()
    path.touch()
    assert refused(path, create=False).message == f"there is no history {path} yet"


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("content", [b"hello", b"{}\n" * 2000])
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes, create: bool) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    assert refused(path, create=create).message == f"{path} is no history of olaudit, and no SQLite database"


@pytest.mark.parametrize("create", [True, False])
def test_somebody_elses_database_is_refused(tmp_path: Path, create: bool) -> None:
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE t (x)")
        other.commit()
    assert refused(path, create=create).message == f"{path} is a database of something else than olaudit"


@pytest.mark.parametrize("create", [True, False])
def test_a_newer_history_is_refused(kept: Path, create: bool) -> None:
    with closing(sqlite3.connect(kept)) as newer:
        newer.execute("PRAGMA user_version = 9")
    error = refused(kept, create=create)
    assert error.message == (
        f"the history {kept} is of version 9, newer than the {len(schema.STEPS)} that this olaudit knows"
    )
    assert error.hint == "use the olaudit that wrote it, or --history FILE"
    assert error.exit_code == 2


def test_a_damaged_history_is_refused_before_a_run_is_entered(kept: Path) -> None:
    content = bytearray(kept.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    kept.write_bytes(content)
    error = refused(kept)
    assert error.message.startswith(f"the history {kept} is damaged: ")
    assert error.hint.startswith("move it away (the next `olaudit report` begins a new one)")


def test_a_truncated_history_is_refused(kept: Path) -> None:
    kept.write_bytes(kept.read_bytes()[:5000])
    assert f"the history {kept} is damaged: " in refused(kept).message
    assert f"the history {kept} is damaged: " in refused(kept, create=False).message


@pytest.mark.parametrize("create", [True, False])
def test_a_folder_is_no_history(tmp_path: Path, create: bool) -> None:
    assert refused(tmp_path, create=create).message == f"{tmp_path} is no history of olaudit: it is not a file"


def test_there_must_be_a_folder_for_it(tmp_path: Path) -> None:
    path = tmp_path / "none" / "history.sqlite"
    assert refused(path).message == f"the history {path} cannot be opened: No such file or directory"


def test_a_full_disk_is_said_and_costs_only_this_run(kept: Path) -> None:
    with History.open(kept) as history:
        pages = history._connection.execute("PRAGMA page_count").fetchone()[0]
        history._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(HistoryError, match="cannot be written: the disk is full"):
            history.add_run(report(2, [disk("drift")]), SCOPE, os.urandom(30_000).hex())
    with History.open(kept) as history:
        assert len(history.runs(9)) == 1
        assert [one.ended for one in history.episodes(DISK)] == [None]


def test_who_waits_too_long_for_another_is_told(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "PATIENCE", 0.1)
    with History.open(kept) as one, History.open(kept) as other:
        one.add_run(report(2), SCOPE)
        with pytest.raises(HistoryError, match="is locked: another process has been writing to it for"):
            other.add_run(report(3), SCOPE)
        with History.open(kept, create=False) as reader:  # who only reads sees what is committed
            assert len(reader.runs(9)) == 1
        one.commit()
        other.add_run(report(3), SCOPE)


def test_reading_never_writes(kept: Path) -> None:
    with History.open(kept, create=False) as history, pytest.raises(HistoryError, match="cannot be written"):
        history.set_last_printed("now")


KILLED = """
import os, signal, sys
from pathlib import Path
from olaudit.history import History
from tests.history.run_builder import SCOPE, disk, report
with History.open(Path(sys.argv[1])) as history:
    history._connection.execute("PRAGMA cache_size = 1")  # so that pages are written before the commit
    history.add_run(report(2, [disk("ok")]), SCOPE, os.urandom(200_000).hex())
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("create", [True, False])
def test_a_run_that_was_killed_while_it_wrote_is_undone_by_whoever_comes_next(kept: Path, create: bool) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(kept)], check=False, cwd=Path(__file__).parents[2])
    assert killed.returncode == -signal.SIGKILL
    assert kept.with_name("history.sqlite-journal").stat().st_size
    with History.open(kept, create=create) as history:
        assert len(history.runs(9)) == 1
        assert [one.ended for one in history.episodes(DISK)] == [None]


def test_whoever_may_only_read_is_told_that_a_killed_run_must_be_undone_first(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(kept)], check=False, cwd=Path(__file__).parents[2])
    monkeypatch.setattr(os, "access", lambda *_: False)
    error = refused(kept, create=False)
    assert error.message == (
        f"the history {kept} cannot be read: a run was killed while it wrote, which must be undone first"
    )


# --- versions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", range(len(schema.STEPS) + 1))
def test_a_history_of_any_older_version_is_brought_forward(tmp_path: Path, version: int) -> None:
    path = tmp_path / "history.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.execute("BEGIN")
        schema.migrate(old, schema.STEPS[:version])
        old.execute("COMMIT")
    with History.open(path) as history:
        history.add_run(report(1), SCOPE)
        history.commit()
        assert history._connection.execute("PRAGMA user_version").fetchone()[0] == len(schema.STEPS)


@pytest.fixture
def two_steps(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Give the steps of an olaudit to come."""
    steps = (*schema.STEPS, "ALTER TABLE runs ADD COLUMN mood TEXT;\nUPDATE runs SET mood = 'calm; so far';\n")
    monkeypatch.setattr(file, "STEPS", steps)
    monkeypatch.setattr(file, "migrate", lambda connection: schema.migrate(connection, steps))
    return steps


def test_reading_an_older_history_leaves_it_as_it_is(kept: Path, two_steps: tuple[str, ...]) -> None:
    before = kept.read_bytes()
    assert len(two_steps) > len(schema.STEPS)
    with History.open(kept, create=False) as history:
        assert len(history.runs(9)) == 1
        assert history._connection.execute("SELECT mood FROM runs").fetchone()["mood"] == "calm; so far"
    assert kept.read_bytes() == before


def test_migrating_keeps_what_there_is_or_does_nothing(kept: Path, two_steps: tuple[str, ...]) -> None:
    with History.open(kept) as history:
        assert len(history.episodes(DISK)) == 1
        assert history._connection.execute("PRAGMA user_version").fetchone()[0] == len(two_steps)
    with closing(sqlite3.connect(kept, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        with pytest.raises(sqlite3.OperationalError):
            schema.migrate(connection, (*two_steps, "CREATE TABLE half (x);\nCREATE NONSENSE;\n"))
        connection.execute("ROLLBACK")
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'half'").fetchall()
        assert connection.execute("PRAGMA user_version").fetchone()[0] == len(two_steps)
