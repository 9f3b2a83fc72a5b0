"""Questions about runs: which there were, which one is meant, and what it met."""

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
    """A run, and how many drifts appeared in it and went."""

    run: RunSummary
    new: int
    resolved: int


def recent_runs(connection: sqlite3.Connection, limit: int) -> tuple[RunRow, ...]:
    """Give the last runs, newest first."""
    found = connection.execute("SELECT * FROM runs ORDER BY number DESC LIMIT ?", (limit,))
    return tuple(RunRow(run=rows.run(row), new=row["appeared"], resolved=row["went"]) for row in found)


_BY_AGE = {"latest": 0, "previous": 1}
_NEWEST = "SELECT * FROM runs {where} ORDER BY number DESC LIMIT {limit}"


def find_run(connection: sqlite3.Connection, name: str) -> sqlite3.Row:
    """Find a run: by id, its beginning, "latest", "previous", or a date (the last run of that day, UTC)."""
    if not name.isascii():  # no id is so; SQLite would not even take all of what a shell can hand over
        raise UsageError(*_no_run(connection, name, []))
    if name in _BY_AGE:
        found = connection.execute(_NEWEST.format(where="", limit="1 OFFSET ?"), (_BY_AGE[name],)).fetchall()
    elif re.fullmatch(r"\d{4}-\d\d-\d\d", name):
        of_day = _NEWEST.format(where="WHERE substr(started_at, 1, 10) = ?", limit="1")
        found = connection.execute(of_day, (name,)).fetchall()
    else:
        beginning = _NEWEST.format(where="WHERE substr(id, 1, ?) = ?", limit="-1")
        found = connection.execute(beginning, (len(name), name)).fetchall()
        found = [row for row in found if row["id"] == name] or found
    if len(found) == 1 and name:
        row: sqlite3.Row = found[0]
        return row
    raise UsageError(*_no_run(connection, name, [row["id"] for row in found]))


def _no_run(connection: sqlite3.Connection, name: str, fitting: list[str]) -> tuple[str, str]:
    if name and fitting:
        more = f", and {len(fitting) - 3} more" if len(fitting) > 3 else ""
        return f"{len(fitting)} runs' ids begin with {name!r}", f"they are {', '.join(fitting[:3])}{more}"
    last = recent_runs(connection, 3)
    (count,) = connection.execute("SELECT count(*) FROM runs").fetchone()
    if not count:
        return "there is no run in this history yet", "`olaudit report` makes one"
    if name == "previous":
        return "there is no run before the latest: the history has one run only", ""
    known = ", ".join(night.run.id for night in last)
    return f"there is no run {name!r}", f"the last are {known}; a date, latest and previous name runs too"


def findings(connection: sqlite3.Connection, number: int) -> tuple[Finding, ...]:
    """Give what was not ok in a run; one finding per id, sorted by host, check, subject."""
    return tuple(rows.finding(row) for row in connection.execute(_FINDINGS, {"run": number}))


# an unknown's age is that of the drift it hid, else of the spell itself
_FINDINGS = f"""
    SELECT {rows.FINDING}, spells.verdict, coalesce(
        (SELECT first_seen FROM lives WHERE lives.subject = subjects.number
         AND lives.first_run <= :run AND (ended_run IS NULL OR ended_run > :run)),
        (SELECT started_at FROM runs WHERE number = spells.first_run)) AS first_seen
    FROM spells
    JOIN subjects ON subjects.number = spells.subject
    JOIN details ON details.subject = spells.subject AND details.run =
        (SELECT max(run) FROM details WHERE subject = spells.subject AND run <= :run)
    WHERE spells.first_run <= :run AND spells.last_run >= :run AND spells.verdict <> 'ok'
    ORDER BY host, check_id, subjects.subject
"""  # noqa: S608 - the columns are ours


def run_findings(connection: sqlite3.Connection, row: sqlite3.Row) -> RunFindings:
    """Give all that a run met."""
    said = connection.execute(_VERDICTS, {"run": row["number"]})
    alive = connection.execute(_ALIVE, {"run": row["number"]})
    return RunFindings(
        run=rows.run(row),
        verdicts={one["id"]: Verdict(one["verdict"]) for one in said},
        findings={finding.id: finding for finding in findings(connection, row["number"])},
        open=frozenset(one["id"] for one in alive),
    )


_VERDICTS = """
    SELECT id, verdict FROM spells JOIN subjects ON subjects.number = spells.subject
    WHERE first_run <= :run AND last_run >= :run
"""
_ALIVE = """
    SELECT id FROM lives JOIN subjects ON subjects.number = lives.subject
    WHERE first_run <= :run AND (ended_run IS NULL OR ended_run > :run)
"""
