"""The file itself: opened for a run or for reading only, refused where it is not ours, its errors in words."""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from olaudit.errors import HistoryError, HistoryWriteError, UsageError
from olaudit.files import DISK_ERRORS
from olaudit.history.schema import APPLICATION, STEPS, migrate

PATIENCE = 5.0
"""Seconds to wait for another process that is writing: a run's own writing takes a fraction of one."""

_ELSEWHERE = "move it away (the next `olaudit report` begins a new one), or name another with --history FILE"


def connect(file: Path, *, create: bool) -> sqlite3.Connection:
    """Open `file`: for a run, made where it is missing (mode 0600), brought to our version; else for reading only.

    Raises UsageError where there is none to read, HistoryError where it cannot be used.
    """
    with in_words(file):
        if file.exists() and not file.is_file():
            raise HistoryError(f"{file} is no history of olaudit: it is not a file")
        if create:
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            return _prepared(_open(file, "rw"), file)
        # a file without a byte is one whose first run did not get as far as to write it
        if not file.exists() or not file.stat().st_size:
            raise UsageError(
                f"there is no history {file} yet", "`olaudit report` makes it; or name one with --history FILE"
            )
        return _reading(file)


def _open(file: Path, mode: str) -> sqlite3.Connection:
    uri = f"{file.resolve().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
    connection.row_factory = sqlite3.Row
    with _closing_on_error(connection):
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten, not only unlinked
    return connection


def _prepared(connection: sqlite3.Connection, file: Path) -> sqlite3.Connection:
    """Make sure that the file is ours, whole and of our version, before anything is written into it."""
    with _closing_on_error(connection):
        version = _version(connection, file)
        if damage := connection.execute("PRAGMA quick_check(1)").fetchone()[0].removeprefix("ok"):
            raise HistoryError(f"the history {file} is damaged: {damage.splitlines()[-1]}", _ELSEWHERE)
        if version < len(STEPS):
            connection.execute("BEGIN IMMEDIATE")
            _version(connection, file)  # once more: while we waited for the lock, another may have changed it
            migrate(connection)
            connection.execute("COMMIT")
    return connection


def _reading(file: Path) -> sqlite3.Connection:
    """Open without a right to write, except where a run was killed while it wrote: that must be undone first."""
    try:
        connection, version = _checked(file, "ro")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK or not os.access(file, os.W_OK):
            raise
        connection, version = _checked(file, "rw")
    return connection if version == len(STEPS) else _migrated_copy(connection)


def _checked(file: Path, mode: str) -> tuple[sqlite3.Connection, int]:
    connection = _open(file, mode)
    with _closing_on_error(connection):
        return connection, _version(connection, file)


def _migrated_copy(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Give an older history as we know it, in memory: who only reads leaves the file as it is."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    copy.row_factory = sqlite3.Row
    with closing(connection), _closing_on_error(copy):
        connection.backup(copy)
        migrate(copy)
    return copy


@contextmanager
def _closing_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _version(connection: sqlite3.Connection, file: Path) -> int:
    """Give the version of the tables, 0 where there are none yet. Raises HistoryError if it is not for us."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION and (application or version or tables):
        raise HistoryError(
            f"{file} is a database of something else than olaudit", "name another with --history FILE"
        )
    if version > len(STEPS):
        raise HistoryError(
            f"the history {file} is of version {version}, newer than the {len(STEPS)} that this olaudit knows",
            "use the olaudit that wrote it, or --history FILE",
        )
    return int(version)


@contextmanager
def in_words(file: Path) -> Iterator[None]:
    """Turn what SQLite or the system says against `file` into a HistoryError of one clear line."""
    try:
        yield
    except sqlite3.Error as error:
        raise _said(file, error) from None
    except zlib.error as error:
        raise HistoryError(f"the history {file} is damaged: {error}", _ELSEWHERE) from None
    except OSError as error:
        kind = HistoryWriteError if error.errno in DISK_ERRORS else HistoryError
        raise kind(f"the history {file} cannot be opened: {error.strerror}") from None


def _said(file: Path, error: sqlite3.Error) -> HistoryError:
    code = getattr(error, "sqlite_errorcode", 0)
    # the primary code is in the lowest byte; the rest says where it came up
    said, hint = _WORDS.get(code) or _WORDS.get(code & 0xFF) or ("the history {file} cannot be used: {error}", "")
    kind = HistoryWriteError if code & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) else HistoryError
    return kind(said.format(file=file, error=error), hint.format(file=file))


_WORDS = {
    sqlite3.SQLITE_NOTADB: (
        "{file} is no history of olaudit, and no SQLite database",
        "name another with --history FILE",
    ),
    sqlite3.SQLITE_CORRUPT: ("the history {file} is damaged: {error}", _ELSEWHERE),
    sqlite3.SQLITE_BUSY: (
        f"the history {{file}} is locked: another process has been writing to it for {PATIENCE:.0f} s",
        "try again when it is done; `fuser {file}` says who it is",
    ),
    sqlite3.SQLITE_FULL: ("the history {file} cannot be written: the disk is full", ""),
    sqlite3.SQLITE_IOERR: (
        "the history {file} cannot be read or written: {error}",
        "is its disk full, or damaged?",
    ),
    sqlite3.SQLITE_READONLY: ("the history {file} cannot be written: no permission for it, or for its folder", ""),
    sqlite3.SQLITE_READONLY_ROLLBACK: (
        "the history {file} cannot be read: a run was killed while it wrote, which must be undone first",
        "run `olaudit history` once as the user who runs `olaudit report`",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the history {file} cannot be opened: is it a file, and are you permitted to read it?",
        "",
    ),
}
"""What is said for SQLite's result codes: a message, and a hint."""
