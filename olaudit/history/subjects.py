"""Questions about hosts and findings: their lives, what was said of them, and when they could not be asked."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from olaudit.history import rows
from olaudit.history.states import DriftEpisode
from olaudit.model import Failure, FailureReason, Finding, Verdict


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that was judged at least once, ok or not: a finding's id, and what it is about."""

    id: str
    host: str
    check: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One verdict on one subject, in runs that all gave it, one after the other.

    `first` and `last` are when these runs started (RFC 3339 UTC). `finding` is what was said in the last of them;
    None where it was ok.
    """

    verdict: Verdict
    first: str
    last: str
    runs: int
    finding: Finding | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreachableSpan:
    """Runs in a row that could not audit a host, all for one reason; `message` is the last one's.

    `first` and `last` are when these runs started (RFC 3339 UTC).
    """

    first: str
    last: str
    runs: int
    failure: Failure


def episodes(connection: sqlite3.Connection, column: str, value: str) -> tuple[DriftEpisode, ...]:
    """Give the lives of one finding (`column` is "id") or one host ("host"), the oldest first."""
    by = {"id": "subjects.id", "host": "subjects.host"}[column]
    found = connection.execute(_LIVES.format(by=by), (value,))
    return tuple(rows.episode(row) for row in found)


_LIVES = f"""
    SELECT {rows.LIFE} FROM lives
    JOIN subjects ON subjects.number = lives.subject JOIN details ON details.number = lives.detail
    WHERE {{by}} = ? ORDER BY lives.first_seen, lives.rowid
"""  # noqa: S608 - the columns are ours


def spans(connection: sqlite3.Connection, finding_id: str) -> tuple[Span, ...]:
    """Give what was said of one finding, the oldest first."""
    return tuple(
        Span(
            verdict=Verdict(row["verdict"]),
            first=row["first"],
            last=row["last"],
            runs=row["runs"],
            finding=rows.finding(row) if row["severity"] and row["verdict"] != Verdict.OK else None,
        )
        for row in connection.execute(_SPELLS, (finding_id,))
    )


_SPELLS = f"""
    SELECT {rows.FINDING}, spells.verdict, NULL AS first_seen, first.started_at AS first, last.started_at AS last,
        spells.last_run - spells.first_run + 1 AS runs
    FROM spells
    JOIN subjects ON subjects.number = spells.subject
    JOIN runs AS first ON first.number = spells.first_run
    JOIN runs AS last ON last.number = spells.last_run
    LEFT JOIN details ON details.subject = spells.subject AND details.run =
        (SELECT max(run) FROM details WHERE subject = spells.subject AND run <= spells.last_run)
    WHERE subjects.id = ? ORDER BY spells.first_run
"""  # noqa: S608 - the columns are ours


def unreachable_spans(connection: sqlite3.Connection, host: str) -> tuple[UnreachableSpan, ...]:
    """Give the runs that could not audit a host, the oldest first."""
    found: list[tuple[UnreachableSpan, int]] = []
    for row in connection.execute(_TROUBLES, (host,)):
        failure, start, first, runs = (
            Failure(FailureReason(row["reason"]), row["message"]),
            row["started_at"],
            None,
            1,
        )
        if found and found[-1][1] == row["number"] - 1 and found[-1][0].failure.reason is failure.reason:
            before, _ = found.pop()
            first, runs = before.first, before.runs + 1
        found.append(
            (UnreachableSpan(first=first or start, last=start, runs=runs, failure=failure), row["number"])
        )
    return tuple(trouble for trouble, _ in found)


_TROUBLES = """
    SELECT number, started_at, reason, message FROM failures JOIN runs ON runs.number = failures.run
    WHERE host = ? ORDER BY number
"""


def hosts(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Name every host of which anything is kept."""
    return tuple(row["host"] for row in connection.execute("SELECT DISTINCT host FROM subjects ORDER BY host"))


def find_subjects(connection: sqlite3.Connection, digits: str) -> tuple[Subject, ...]:
    """Give what was judged under ids that begin with `digits`, sorted by id."""
    found = connection.execute(_NAMED, (len(digits), digits))
    return tuple(Subject(row["id"], row["host"], row["check_id"], row["subject"]) for row in found)


_NAMED = "SELECT id, host, check_id, subject FROM subjects WHERE substr(id, 1, ?) = ? ORDER BY id"
