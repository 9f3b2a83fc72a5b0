"""The history as commands use it: open it, enter a run, commit; or ask."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from olaudit.history import run_writer, runs, subjects
from olaudit.history.comparison import RunFindings
from olaudit.history.file import connect, in_words
from olaudit.history.retention import RECENT, forget
from olaudit.history.runs import RunRow
from olaudit.history.states import DriftEpisode, FindingState, FindingStates, RunScope, advance, summary
from olaudit.history.subjects import Span, Subject, UnreachableSpan
from olaudit.model import Finding, Report, RunSummary

_SPOKEN = "spoken"


class History:
    """One file of history. Every method raises HistoryError where the file cannot be used."""

    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        self._connection = connection
        self._file = file

    @classmethod
    def open(cls, file: Path, *, create: bool = True) -> Self:
        """Open `file` for a run, made where it is missing; or, without `create`, for reading only.

        Raises UsageError where there is none to read, HistoryError where it cannot be used.
        """
        return cls(connect(file, create=create), file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        """Close; what was not committed is not kept."""
        self._connection.close()

    # --- a run -------------------------------------------------------------------------------------------------

    def add_run(
        self, report: Report, scope: RunScope, recording: str | None = None, *, keep_days: int = 400
    ) -> Report:
        """Begin a transaction with this run in it; give the report with its findings' ages and its changes.

        `recording` is kept with the run, for as many runs as reports look back. Runs older than `keep_days` go.
        """
        with in_words(self._file):
            self._connection.execute("BEGIN IMMEDIATE")
        with in_words(self._file), self._undoing():
            after, aged = self._advanced(report, scope)
            run_writer.write(self._connection, aged, after, recording)
            forget(self._connection, report.run.started_at, keep_days)
        return aged

    def compare(self, report: Report, scope: RunScope) -> Report:
        """Give the report with its findings' ages and its changes, and write nothing."""
        with in_words(self._file):
            return self._advanced(report, scope)[1]

    def _advanced(self, report: Report, scope: RunScope) -> tuple[FindingStates, Report]:
        earlier = tuple(night.run for night in reversed(runs.recent_runs(self._connection, RECENT - 1)))
        since = earlier[-1].started_at if earlier else None
        after, aged = advance(self.states(), report, scope, since)
        changes = aged.changes and replace(aged.changes, timeline=(*earlier, summary(report)))
        return after, replace(aged, changes=changes)

    @contextmanager
    def _undoing(self) -> Iterator[None]:
        """Undo what was begun, where it cannot be finished."""
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # SQLite has undone some failures itself
                self._connection.execute("ROLLBACK")
            raise

    def states(self) -> dict[str, FindingState]:
        """Read what is open, by finding id."""
        with in_words(self._file):
            return run_writer.load_states(self._connection)

    def commit(self) -> None:
        """Keep what was entered. When this returns, it is on the disk."""
        with in_words(self._file):
            self._connection.execute("COMMIT")

    @property
    def last_printed(self) -> str | None:
        """When `olaudit report --quiet` last said something (RFC 3339 UTC)."""
        with in_words(self._file):
            row = self._connection.execute("SELECT text FROM notes WHERE name = ?", (_SPOKEN,)).fetchone()
        return row["text"] if row else None

    def set_last_printed(self, moment: str) -> None:
        """Note that something was said (RFC 3339 UTC); kept with the run that was entered."""
        with in_words(self._file):
            self._connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (_SPOKEN, moment))

    # --- runs --------------------------------------------------------------------------------------------------

    def recent_runs(self, limit: int) -> tuple[RunRow, ...]:
        """Give the last runs with how many drifts appeared and went in each, newest first."""
        with in_words(self._file):
            return runs.recent_runs(self._connection, limit)

    def runs(self, limit: int) -> tuple[RunSummary, ...]:
        """Give the last runs, newest first."""
        return tuple(night.run for night in self.recent_runs(limit))

    def find_run(self, name: str) -> RunSummary:
        """Find a run by id, its beginning, a date (the last run of that day, UTC), "latest" or "previous".

        Raises UsageError, with what there is, where none or several fit.
        """
        return self.run_findings(name).run

    def run_findings(self, name: str) -> RunFindings:
        """Give all that a run met; `name` is as for `find_run`."""
        with in_words(self._file):
            return runs.run_findings(self._connection, runs.find_run(self._connection, name))

    def findings(self, run_id: str) -> tuple[Finding, ...]:
        """Give what was not ok in a run, one finding per id; sorted by host, check, subject."""
        with in_words(self._file):
            return runs.findings(self._connection, runs.find_run(self._connection, run_id)["number"])

    def recording(self, run_id: str) -> str | None:
        """Give what was kept with a run; None where nothing was, or it was long ago."""
        with in_words(self._file):
            run = runs.find_run(self._connection, run_id)["number"]
            row = self._connection.execute("SELECT text FROM recordings WHERE run = ?", (run,)).fetchone()
            return zlib.decompress(row["text"]).decode("utf-8", "surrogatepass") if row else None

    # --- hosts and findings ------------------------------------------------------------------------------------

    def episodes(self, finding_id: str) -> tuple[DriftEpisode, ...]:
        """Give every life that a drift had, the oldest first."""
        with in_words(self._file):
            return subjects.episodes(self._connection, "id", finding_id)

    def host_episodes(self, host: str) -> tuple[DriftEpisode, ...]:
        """Give the lives of all drifts of a host, the oldest first."""
        with in_words(self._file):
            return subjects.episodes(self._connection, "host", host)

    def spans(self, finding_id: str) -> tuple[Span, ...]:
        """Give what was said of a finding, the oldest first."""
        with in_words(self._file):
            return subjects.spans(self._connection, finding_id)

    def unreachable_spans(self, host: str) -> tuple[UnreachableSpan, ...]:
        """Give the runs that could not audit a host, the oldest first."""
        with in_words(self._file):
            return subjects.unreachable_spans(self._connection, host)

    def hosts(self) -> tuple[str, ...]:
        """Name every host of which anything is kept."""
        with in_words(self._file):
            return subjects.hosts(self._connection)

    def find_subjects(self, digits: str) -> tuple[Subject, ...]:
        """Give what was judged under ids that begin with `digits`."""
        with in_words(self._file):
            return subjects.find_subjects(self._connection, digits)
