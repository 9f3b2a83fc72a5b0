"""Queries of a history: runs and their findings, the open states, and the history of a host or a finding."""

import re
import sqlite3
import zlib
from pathlib import Path

from olaudit.errors import UsageError
from olaudit.history import rows
from olaudit.history.comparison import RunFindings
from olaudit.history.file import translate_errors
from olaudit.history.rows import RunRow, Span, Subject, UnreachableSpan
from olaudit.history.states import DriftEpisode, FindingState
from olaudit.model import Failure, FailureReason, Finding, RunSummary, Verdict


class HistoryReader:
    """Read access to one history file. Every method raises HistoryError if the file cannot be used."""

    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        self._connection = connection
        self._file = file

    def _select(self, query: str, *values: object) -> list[sqlite3.Row]:
        with translate_errors(self._file):
            return self._connection.execute(query, values).fetchall()

    def states(self) -> dict[str, FindingState]:
        """Load the open episodes and unknowns, by finding id."""
        unknowns = {row["id"]: row for row in self._select(_UNKNOWNS)}
        episodes = {row["id"]: row for row in self._select(f"{_EPISODES} WHERE ended IS NULL")}
        return {
            id_: FindingState(
                host=row["host"],
                check=row["check_id"],
                subject=row["subject"],
                episode=rows.episode(episodes[id_]) if id_ in episodes else None,
                unknown_since=unknowns[id_]["since"] if id_ in unknowns else None,
            )
            for id_, row in {**unknowns, **episodes}.items()
        }

    @property
    def last_printed(self) -> str | None:
        """When `olaudit report --quiet` last printed something (RFC 3339 UTC)."""
        notes = self._select("SELECT text FROM notes WHERE name = 'last_printed'")
        return notes[0]["text"] if notes else None

    # --- runs --------------------------------------------------------------------------------------------------

    def recent_runs(self, limit: int) -> tuple[RunRow, ...]:
        """List the last runs with the number of drifts that were new and resolved in each, newest first."""
        return tuple(
            RunRow(run=rows.run(row), new=row["new"], resolved=row["resolved"])
            for row in self._select("SELECT * FROM runs ORDER BY number DESC LIMIT ?", limit)
        )

    def runs(self, limit: int) -> tuple[RunSummary, ...]:
        """List the last runs, newest first."""
        return tuple(row.run for row in self.recent_runs(limit))

    def find_run(self, name: str) -> RunSummary:
        """Find a run by id or its prefix, a date (the last run of that day, UTC), "latest" or "previous".

        Raises UsageError, with the runs that exist, if no run or several runs match.
        """
        return rows.run(self._run(name))

    def run_findings(self, name: str) -> RunFindings:
        """Load the verdicts and findings of a run; `name` is as for `find_run`."""
        run = self._run(name)
        return RunFindings(
            run=rows.run(run),
            verdicts={row["id"]: Verdict(row["verdict"]) for row in self._select(_VERDICTS, run["number"])},
            findings={finding.id: finding for finding in self._findings(run["number"])},
            open=frozenset(row["id"] for row in self._select(f"{_EPISODES} WHERE {_OPEN_AFTER}", run["number"])),
        )

    def findings(self, name: str) -> tuple[Finding, ...]:
        """List the findings of a run that were not ok, one per id; sorted by host, check, subject."""
        return self._findings(self._run(name)["number"])

    def _findings(self, run: int) -> tuple[Finding, ...]:
        return tuple(rows.finding(row) for row in self._select(_FINDINGS, run))

    def recording(self, name: str) -> str | None:
        """Load the recording of a run; None if it has none, or if it was deleted."""
        stored = self._select("SELECT text FROM recordings WHERE run = ?", self._run(name)["number"])
        with translate_errors(self._file):
            return zlib.decompress(stored[0]["text"]).decode("utf-8", "surrogatepass") if stored else None

    def _run(self, name: str) -> sqlite3.Row:
        if not name.isascii():  # no id is; and SQLite does not accept all text that a shell can pass
            matches = []
        elif name in _OFFSETS:
            matches = self._select("SELECT * FROM runs ORDER BY number DESC LIMIT 1 OFFSET ?", _OFFSETS[name])
        elif re.fullmatch(r"\d{4}-\d\d-\d\d", name):
            by_day = "SELECT * FROM runs WHERE substr(started_at, 1, 10) = ? ORDER BY number DESC LIMIT 1"
            matches = self._select(by_day, name)
        else:
            by_prefix = "SELECT * FROM runs WHERE substr(id, 1, ?) = ? ORDER BY number DESC"
            matches = self._select(by_prefix, len(name), name)
            matches = [row for row in matches if row["id"] == name] or matches
        if len(matches) != 1 or not name:
            raise UsageError(*self._no_run(name, [row["id"] for row in matches]))
        return matches[0]

    def _no_run(self, name: str, matches: list[str]) -> tuple[str, str]:
        """Build the message and the hint for a name that no run or several runs match."""
        if name and matches:
            more = f", and {len(matches) - 3} more" if len(matches) > 3 else ""
            return f"{len(matches)} run ids begin with {name!r}", f"they are {', '.join(matches[:3])}{more}"
        last = [run.id for run in self.runs(3)]
        if not last:
            return "there is no run in this history yet", "`olaudit report` adds one"
        if name == "previous":
            return "there is no run before the latest: the history has only one run", ""
        hint = f"the last runs are {', '.join(last)}; a date, latest and previous name runs too"
        return f"there is no run {name!r}", hint

    # --- hosts and findings ------------------------------------------------------------------------------------

    def hosts(self) -> tuple[str, ...]:
        """List all hosts in the history."""
        return tuple(row["host"] for row in self._select("SELECT DISTINCT host FROM subjects ORDER BY host"))

    def find_subjects(self, prefix: str) -> tuple[Subject, ...]:
        """Find the subjects whose finding id begins with `prefix`, sorted by id."""
        query = "SELECT id, host, check_id, subject FROM subjects WHERE substr(id, 1, ?) = ? ORDER BY id"
        return tuple(Subject(*row) for row in self._select(query, len(prefix), prefix))

    def episodes(self, finding_id: str) -> tuple[DriftEpisode, ...]:
        """List the episodes of a finding, oldest first."""
        query = f"{_EPISODES} WHERE subjects.id = ? {_OLDEST_FIRST}"
        return tuple(rows.episode(row) for row in self._select(query, finding_id))

    def host_episodes(self, host: str) -> tuple[DriftEpisode, ...]:
        """List the episodes of all findings of a host, oldest first."""
        query = f"{_EPISODES} WHERE subjects.host = ? {_OLDEST_FIRST}"
        return tuple(rows.episode(row) for row in self._select(query, host))

    def spans(self, finding_id: str) -> tuple[Span, ...]:
        """List the spans of a finding, oldest first."""
        return tuple(
            Span(
                verdict=Verdict(row["verdict"]),
                first=row["first"],
                last=row["last"],
                runs=row["runs"],
                finding=rows.finding(row) if row["severity"] and row["verdict"] != Verdict.OK else None,
            )
            for row in self._select(_SPANS, finding_id)
        )

    def unreachable_spans(self, host: str) -> tuple[UnreachableSpan, ...]:
        """List the spans of runs that could not audit a host, oldest first."""
        return tuple(
            UnreachableSpan(
                first=row["first"],
                last=row["last"],
                runs=row["runs"],
                failure=Failure(FailureReason(row["reason"]), row["message"]),
            )
            for row in self._select(_UNREACHABLE_SPANS, host)
        )


# --- queries; `?1` is the number of a run ------------------------------------------------------------------------

_OFFSETS = {"latest": 0, "previous": 1}

_UNKNOWNS = """
    SELECT subjects.id, host, check_id, subjects.subject, since
    FROM unknowns JOIN subjects ON subjects.number = unknowns.subject
"""
_EPISODES = f"""
    SELECT {rows.FINDING}, episodes.verdict, first_seen, last_seen, ended, ending
    FROM episodes
    JOIN subjects ON subjects.number = episodes.subject JOIN details ON details.number = episodes.detail
"""  # noqa: S608 - the columns are constants
_OLDEST_FIRST = "ORDER BY first_seen, episodes.rowid"
_OPEN_AFTER = "episodes.first_run <= ?1 AND (ended_run IS NULL OR ended_run > ?1)"

_VERDICTS = """
    SELECT id, verdict FROM spans JOIN subjects ON subjects.number = spans.subject
    WHERE first_run <= ?1 AND last_run >= ?1
"""
# the age of an unknown is that of the drift that it leaves unobserved, else that of its own span
_FINDINGS = f"""
    SELECT {rows.FINDING}, spans.verdict, coalesce(
        (SELECT first_seen FROM episodes WHERE episodes.subject = subjects.number AND {_OPEN_AFTER}),
        (SELECT started_at FROM runs WHERE number = spans.first_run)) AS first_seen
    FROM spans
    JOIN subjects ON subjects.number = spans.subject
    JOIN details ON details.subject = spans.subject AND details.run =
        (SELECT max(run) FROM details WHERE subject = spans.subject AND run <= ?1)
    WHERE spans.first_run <= ?1 AND spans.last_run >= ?1 AND spans.verdict <> 'ok'
    ORDER BY host, check_id, subjects.subject
"""  # noqa: S608 - the columns are constants
_SPANS = f"""
    SELECT {rows.FINDING}, spans.verdict, NULL AS first_seen, first.started_at AS first, last.started_at AS last,
        spans.last_run - spans.first_run + 1 AS runs
    FROM spans
    JOIN subjects ON subjects.number = spans.subject
    JOIN runs AS first ON first.number = spans.first_run
    JOIN runs AS last ON last.number = spans.last_run
    LEFT JOIN details ON details.subject = spans.subject AND details.run =
        (SELECT max(run) FROM details WHERE subject = spans.subject AND run <= spans.last_run)
    WHERE subjects.id = ? ORDER BY spans.first_run
"""  # noqa: S608 - the columns are constants
# in consecutive runs with the same reason, `run - row_number()` is the same; `message` is of the row with max(run)
_UNREACHABLE_SPANS = """
    WITH failed AS (
        SELECT *, run - row_number() OVER (PARTITION BY reason ORDER BY run) AS span FROM failures WHERE host = ?),
    spans AS (SELECT reason, message, max(run) AS run, count(*) AS runs FROM failed GROUP BY reason, span)
    SELECT reason, message, first.started_at AS first, last.started_at AS last, runs
    FROM spans
    JOIN runs AS first ON first.number = run - runs + 1
    JOIN runs AS last ON last.number = run
    ORDER BY run
"""
