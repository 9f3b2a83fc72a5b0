"""SQLite store of audit runs, as the commands use it: open it, add a run and commit; or query it."""

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
from olaudit.history.file import connect, translate_errors
from olaudit.history.retention import RECENT_RUNS, delete_old_runs
from olaudit.history.runs import RunRow
from olaudit.history.states import DriftEpisode, FindingState, FindingStates, RunScope, advance, summary
from olaudit.history.subjects import Span, Subject, UnreachableSpan
from olaudit.model import Finding, Report, RunSummary

_LAST_PRINTED = "last_printed"


class History:
    """One history file. Every method raises HistoryError if the file cannot be used."""

    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        self._connection = connection
        self._file = file

    @classmethod
    def open(cls, file: Path, *, create: bool = True) -> Self:
        """Open `file` for a run, created if missing; or, without `create`, read-only.

        Raises UsageError if there is no history to read, HistoryError if the file cannot be used.
        """
        return cls(connect(file, create=create), file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        """Close the file; discard what is not committed."""
        self._connection.close()

    # --- a run -------------------------------------------------------------------------------------------------

    def add_run(
        self, report: Report, scope: RunScope, recording: str | None = None, *, keep_days: int = 400
    ) -> Report:
        """Begin a transaction, and add the run; return the report with its findings' ages and its changes.

        `recording` is stored with the run, until the run is older than the last RECENT_RUNS runs. Deletes runs
        older than `keep_days`.
        """
        with translate_errors(self._file):
            self._connection.execute("BEGIN IMMEDIATE")
        with translate_errors(self._file), self._rollback_on_error():
            after, with_ages = self._advance(report, scope)
            run_writer.write(self._connection, with_ages, after, recording)
            delete_old_runs(self._connection, report.run.started_at, keep_days)
        return with_ages

    def compare(self, report: Report, scope: RunScope) -> Report:
        """Return the report with its findings' ages and its changes, without writing anything."""
        with translate_errors(self._file):
            return self._advance(report, scope)[1]

    def _advance(self, report: Report, scope: RunScope) -> tuple[FindingStates, Report]:
        earlier = tuple(row.run for row in reversed(runs.recent_runs(self._connection, RECENT_RUNS - 1)))
        since = earlier[-1].started_at if earlier else None
        after, with_ages = advance(self.states(), report, scope, since)
        changes = with_ages.changes and replace(with_ages.changes, timeline=(*earlier, summary(report)))
        return after, replace(with_ages, changes=changes)

    @contextmanager
    def _rollback_on_error(self) -> Iterator[None]:
        """Roll back the transaction if the block fails."""
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # SQLite rolls back by itself after some errors
                self._connection.execute("ROLLBACK")
            raise

    def states(self) -> dict[str, FindingState]:
        """Load the open episodes and unknowns, by finding id."""
        with translate_errors(self._file):
            return run_writer.load_states(self._connection)

    def commit(self) -> None:
        """Commit the added run. When this returns, it is on the disk."""
        with translate_errors(self._file):
            self._connection.execute("COMMIT")

    @property
    def last_printed(self) -> str | None:
        """When `olaudit report --quiet` last printed something (RFC 3339 UTC)."""
        with translate_errors(self._file):
            row = self._connection.execute("SELECT text FROM notes WHERE name = ?", (_LAST_PRINTED,)).fetchone()
        return row["text"] if row else None

    def set_last_printed(self, moment: str) -> None:
        """Store when something was printed (RFC 3339 UTC), in the transaction of the added run."""
        with translate_errors(self._file):
            self._connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (_LAST_PRINTED, moment))

    # --- runs --------------------------------------------------------------------------------------------------

    def recent_runs(self, limit: int) -> tuple[RunRow, ...]:
        """List the last runs with the number of drifts that were new and resolved in each, newest first."""
        with translate_errors(self._file):
            return runs.recent_runs(self._connection, limit)

    def runs(self, limit: int) -> tuple[RunSummary, ...]:
        """List the last runs, newest first."""
        return tuple(row.run for row in self.recent_runs(limit))

    def find_run(self, name: str) -> RunSummary:
        """Find a run by id or its prefix, a date (the last run of that day, UTC), "latest" or "previous".

        Raises UsageError, with the runs that exist, if no run or several runs match.
        """
        return self.run_findings(name).run

    def run_findings(self, name: str) -> RunFindings:
        """Load the verdicts and findings of a run; `name` is as for `find_run`."""
        with translate_errors(self._file):
            return runs.run_findings(self._connection, runs.find_run(self._connection, name))

    def findings(self, run_id: str) -> tuple[Finding, ...]:
        """List the findings of a run that were not ok, one per id; sorted by host, check, subject."""
        with translate_errors(self._file):
            return runs.findings(self._connection, runs.find_run(self._connection, run_id)["number"])

    def recording(self, run_id: str) -> str | None:
        """Load the recording of a run; None if it has none, or if it was deleted."""
        with translate_errors(self._file):
            run = runs.find_run(self._connection, run_id)["number"]
            row = self._connection.execute("SELECT text FROM recordings WHERE run = ?", (run,)).fetchone()
            return zlib.decompress(row["text"]).decode("utf-8", "surrogatepass") if row else None

    # --- hosts and findings ------------------------------------------------------------------------------------

    def episodes(self, finding_id: str) -> tuple[DriftEpisode, ...]:
        """List the episodes of a finding, oldest first."""
        with translate_errors(self._file):
            return subjects.episodes(self._connection, "id", finding_id)

    def host_episodes(self, host: str) -> tuple[DriftEpisode, ...]:
        """List the episodes of all findings of a host, oldest first."""
        with translate_errors(self._file):
            return subjects.episodes(self._connection, "host", host)

    def spans(self, finding_id: str) -> tuple[Span, ...]:
        """List the spans of a finding, oldest first."""
        with translate_errors(self._file):
            return subjects.spans(self._connection, finding_id)

    def unreachable_spans(self, host: str) -> tuple[UnreachableSpan, ...]:
        """List the spans of runs that could not audit a host, oldest first."""
        with translate_errors(self._file):
            return subjects.unreachable_spans(self._connection, host)

    def hosts(self) -> tuple[str, ...]:
        """List all hosts in the history."""
        with translate_errors(self._file):
            return subjects.hosts(self._connection)

    def find_subjects(self, prefix: str) -> tuple[Subject, ...]:
        """Find the subjects whose finding id begins with `prefix`."""
        with translate_errors(self._file):
            return subjects.find_subjects(self._connection, prefix)
