"""The history file: opened for writing or read-only, verified to be olaudit's, with SQLite's errors translated."""

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from olaudit.errors import HistoryError, HistoryWriteError, UsageError
from olaudit.files import DISK_ERRORS
from olaudit.history.schema import APPLICATION, STEPS, migrate

LOCK_TIMEOUT = 5.0
"""Seconds to wait while another process writes: the writes of one run take a fraction of a second."""

_DAMAGED_HINT = "move it away (the next `olaudit report` creates a new one), or name another with --history FILE"


def connect(file: Path, *, create: bool) -> sqlite3.Connection:
    """Open `file` read-only; or, with `create`, for a run: created if missing (mode 0600), migrated if older.

    Raises UsageError if there is no history to read, HistoryError if the file cannot be used.
    """
    with translate_errors(file):
        if file.exists() and not file.is_file():
            raise HistoryError(f"{file} is not a history of olaudit: it is not a regular file")
        if create:
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            return _prepared(*_open(file, "rw"), file)
        # an empty file belongs to a first run that ended before it wrote anything
        if not file.exists() or not file.stat().st_size:
            raise UsageError(
                f"there is no history {file} yet",
                "`olaudit report` creates it; or name another with --history FILE",
            )
        return _open_for_reading(file)


def _open(file: Path, mode: str) -> tuple[sqlite3.Connection, int]:
    """Open a history, and verify that it is one; return it with the version of its tables."""
    uri = f"{file.resolve().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=LOCK_TIMEOUT, isolation_level=None)
    connection.row_factory = sqlite3.Row
    with _closing_on_error(connection):
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # overwrite deleted content, not only unlink it
        return connection, _version(connection, file)


def _prepared(connection: sqlite3.Connection, version: int, file: Path) -> sqlite3.Connection:
    """Verify that the history is undamaged, and migrate it, before a run is written into it."""
    with _closing_on_error(connection):
        if damage := connection.execute("PRAGMA quick_check(1)").fetchone()[0].removeprefix("ok"):
            raise HistoryError(f"the history {file} is damaged: {damage.splitlines()[-1]}", _DAMAGED_HINT)
        if version < len(STEPS):
            connection.execute("BEGIN IMMEDIATE")
            _version(connection, file)  # again: another process may have changed it before the lock was taken
            migrate(connection)
            connection.execute("COMMIT")
    return connection


def _open_for_reading(file: Path) -> sqlite3.Connection:
    """Open without write access, except after a run that was killed while writing: SQLite must roll it back."""
    try:
        connection, version = _open(file, "ro")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK or not os.access(file, os.W_OK):
            raise
        connection, version = _open(file, "rw")
    return connection if version == len(STEPS) else _migrated_copy(connection)


def _migrated_copy(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Migrate a copy of an older history in memory: a reader leaves the file unchanged."""
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
    """Read the version of the tables, 0 if there are none yet.

    Raises HistoryError for the database of another application, and for a version that is too new.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION and (application or version or tables):
        raise HistoryError(
            f"{file} is not a history of olaudit, but a database of another application",
            "name another with --history FILE",
        )
    if version > len(STEPS):
        raise HistoryError(
            f"the history {file} has version {version}; this olaudit supports versions up to {len(STEPS)}",
            "use the olaudit that wrote it, or --history FILE",
        )
    return int(version)


@contextmanager
def translate_errors(file: Path) -> Iterator[None]:
    """Translate errors of SQLite and of the operating system about `file` into a HistoryError of one line."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(file, error) from None
    except zlib.error as error:
        raise HistoryError(f"the history {file} is damaged: {error}", _DAMAGED_HINT) from None
    except OSError as error:
        error_type = HistoryWriteError if error.errno in DISK_ERRORS else HistoryError
        raise error_type(f"the history {file} cannot be opened: {error.strerror}") from None


def _translated(file: Path, error: sqlite3.Error) -> HistoryError:
    code = getattr(error, "sqlite_errorcode", 0)
    primary = code & 0xFF  # an extended code adds where the error occurred
    message, hint = _MESSAGES.get(code) or _MESSAGES.get(primary) or _OTHER_ERROR
    error_type = HistoryWriteError if primary in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) else HistoryError
    return error_type(message.format(file=file, error=error), hint.format(file=file))


_OTHER_ERROR = ("the history {file} cannot be used: {error}", "")
_MESSAGES = {
    sqlite3.SQLITE_NOTADB: (
        "{file} is not a history of olaudit, and not a SQLite database",
        "name another with --history FILE",
    ),
    sqlite3.SQLITE_CORRUPT: ("the history {file} is damaged: {error}", _DAMAGED_HINT),
    sqlite3.SQLITE_BUSY: (
        f"the history {{file}} is locked: another process has been writing to it for {LOCK_TIMEOUT:.0f} s",
        "try again when it has finished; `fuser {file}` lists the process",
    ),
    sqlite3.SQLITE_FULL: ("the history {file} cannot be written: the disk is full", ""),
    sqlite3.SQLITE_IOERR: (
        "the history {file} cannot be read or written: {error}",
        "check whether its disk is full or damaged",
    ),
    sqlite3.SQLITE_READONLY: (
        "the history {file} cannot be written: no write permission for it, or for its folder",
        "",
    ),
    sqlite3.SQLITE_READONLY_ROLLBACK: (
        "the history {file} cannot be read: a run was killed while writing to it, and must be rolled back first",
        "run `olaudit history` once as the user who runs `olaudit report`",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the history {file} cannot be opened",
        "check that it is a regular file, and that you may read it",
    ),
}
"""Message and hint by result code of SQLite."""
