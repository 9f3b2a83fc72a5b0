"""SQLite store of audit runs, as the commands use it: open it, add a run and commit; or query it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from olaudit.history.file import connect, translate_errors
from olaudit.history.reader import HistoryReader
from olaudit.history.states import FindingStates, RunScope, advance, summary
from olaudit.history.writer import RECENT_RUNS, delete_old_runs, write_run
from olaudit.model import Report


class History(HistoryReader):
    """One history file. Every method raises HistoryError if the file cannot be used."""

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
            write_run(self._connection, with_ages, after, recording)
            delete_old_runs(self._connection, report.run.started_at, keep_days)
        return with_ages

    def compare(self, report: Report, scope: RunScope) -> Report:
        """Return the report with its findings' ages and its changes, without writing anything."""
        return self._advance(report, scope)[1]

    def _advance(self, report: Report, scope: RunScope) -> tuple[FindingStates, Report]:
        earlier = tuple(reversed(self.runs(RECENT_RUNS - 1)))
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

    def set_last_printed(self, moment: str) -> None:
        """Store when something was printed (RFC 3339 UTC), in the transaction of the added run."""
        with translate_errors(self._file):
            self._connection.execute("INSERT OR REPLACE INTO notes VALUES ('last_printed', ?)", (moment,))

    def commit(self) -> None:
        """Commit the added run. When this returns, it is on the disk."""
        with translate_errors(self._file):
            self._connection.execute("COMMIT")
