"""Queries about runs: list them, find one by name, and load its findings."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

from olaudit.errors import UsageError
from olaudit.history import rows
from olaudit.history.comparison import RunFindings
from olaudit.model import Finding, RunSummary, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run, and how many drifts were new and resolved in it."""

    run: RunSummary
    new: int
    resolved: int


def recent_runs(connection: sqlite3.Connection, limit: int) -> tuple[RunRow, ...]:
    """List the last runs, newest first."""
    recent = connection.execute("SELECT * FROM runs ORDER BY number DESC LIMIT ?", (limit,))
    return tuple(RunRow(run=rows.run(row), new=row["new"], resolved=row["resolved"]) for row in recent)


_OFFSETS = {"latest": 0, "previous": 1}
_NEWEST = "SELECT * FROM runs {where} ORDER BY number DESC LIMIT {limit}"


def find_run(connection: sqlite3.Connection, name: str) -> sqlite3.Row:
    """Find a run by id or its prefix, "latest", "previous", or a date (the last run of that day, UTC).

    Raises UsageError if no run or several runs match.
    """
    if not name.isascii():  # no id is; and SQLite does not accept all text that a shell can pass
        raise UsageError(*_no_run(connection, name, []))
    if name in _OFFSETS:
        matches = connection.execute(_NEWEST.format(where="", limit="1 OFFSET ?"), (_OFFSETS[name],)).fetchall()
    elif re.fullmatch(r"\d{4}-\d\d-\d\d", name):
        by_day = _NEWEST.format(where="WHERE substr(started_at, 1, 10) = ?", limit="1")
        matches = connection.execute(by_day, (name,)).fetchall()
    else:
        by_prefix = _NEWEST.format(where="WHERE substr(id, 1, ?) = ?", limit="-1")
        matches = connection.execute(by_prefix, (len(name), name)).fetchall()
        matches = [row for row in matches if row["id"] == name] or matches
    if len(matches) == 1 and name:
        row: sqlite3.Row = matches[0]
        return row
    raise UsageError(*_no_run(connection, name, [row["id"] for row in matches]))


def _no_run(connection: sqlite3.Connection, name: str, matches: list[str]) -> tuple[str, str]:
    """Build the message and the hint for a name that no run or several runs match."""
    if name and matches:
        more = f", and {len(matches) - 3} more" if len(matches) > 3 else ""
        return f"{len(matches)} run ids begin with {name!r}", f"they are {', '.join(matches[:3])}{more}"
    last = recent_runs(connection, 3)
    (count,) = connection.execute("SELECT count(*) FROM runs").fetchone()
    if not count:
        return "there is no run in this history yet", "`olaudit report` adds one"
    if name == "previous":
        return "there is no run before the latest: the history has only one run", ""
    ids = ", ".join(row.run.id for row in last)
    return f"there is no run {name!r}", f"the last runs are {ids}; a date, latest and previous name runs too"


def findings(connection: sqlite3.Connection, number: int) -> tuple[Finding, ...]:
    """List the findings of a run that were not ok; one per id, sorted by host, check, subject."""
    return tuple(rows.finding(row) for row in connection.execute(_FINDINGS, {"run": number}))


# the age of an unknown is that of the drift that it leaves unobserved, else that of its own span
_FINDINGS = f"""
    SELECT {rows.FINDING}, spans.verdict, coalesce(
        (SELECT first_seen FROM episodes WHERE episodes.subject = subjects.number
         AND episodes.first_run <= :run AND (ended_run IS NULL OR ended_run > :run)),
        (SELECT started_at FROM runs WHERE number = spans.first_run)) AS first_seen
    FROM spans
    JOIN subjects ON subjects.number = spans.subject
    JOIN details ON details.subject = spans.subject AND details.run =
        (SELECT max(run) FROM details WHERE subject = spans.subject AND run <= :run)
    WHERE spans.first_run <= :run AND spans.last_run >= :run AND spans.verdict <> 'ok'
    ORDER BY host, check_id, subjects.subject
"""  # noqa: S608 - the columns are constants


def run_findings(connection: sqlite3.Connection, row: sqlite3.Row) -> RunFindings:
    """Load the verdicts, findings and open episodes of a run."""
    verdicts = connection.execute(_VERDICTS, {"run": row["number"]})
    episodes = connection.execute(_OPEN_EPISODES, {"run": row["number"]})
    return RunFindings(
        run=rows.run(row),
        verdicts={span["id"]: Verdict(span["verdict"]) for span in verdicts},
        findings={finding.id: finding for finding in findings(connection, row["number"])},
        open=frozenset(episode["id"] for episode in episodes),
    )


_VERDICTS = """
    SELECT id, verdict FROM spans JOIN subjects ON subjects.number = spans.subject
    WHERE first_run <= :run AND last_run >= :run
"""
_OPEN_EPISODES = """
    SELECT id FROM episodes JOIN subjects ON subjects.number = episodes.subject
    WHERE first_run <= :run AND (ended_run IS NULL OR ended_run > :run)
"""
