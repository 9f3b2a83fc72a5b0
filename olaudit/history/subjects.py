"""Queries about hosts and findings: their episodes, their spans, and the runs that could not audit a host."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from olaudit.history import rows
from olaudit.history.states import DriftEpisode
from olaudit.model import Failure, FailureReason, Finding, Verdict


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject that was evaluated at least once, ok or not: its finding's id, and what the finding is about."""

    id: str
    host: str
    check: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Consecutive runs that gave one subject the same verdict.

    `first` and `last` are the starts of the first and the last of these runs (RFC 3339 UTC). `finding` is the
    finding of the last one, None if it was ok.
    """

    verdict: Verdict
    first: str
    last: str
    runs: int
    finding: Finding | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreachableSpan:
    """Consecutive runs that could not audit a host, for the same reason; the message is that of the last run.

    `first` and `last` are the starts of the first and the last of these runs (RFC 3339 UTC).
    """

    first: str
    last: str
    runs: int
    failure: Failure


def episodes(connection: sqlite3.Connection, column: str, value: str) -> tuple[DriftEpisode, ...]:
    """List the episodes of one finding (`column` is "id") or one host ("host"), oldest first."""
    filter_column = {"id": "subjects.id", "host": "subjects.host"}[column]
    query = _EPISODES.format(column=filter_column)
    return tuple(rows.episode(row) for row in connection.execute(query, (value,)))


_EPISODES = f"""
    SELECT {rows.EPISODE} FROM episodes
    JOIN subjects ON subjects.number = episodes.subject JOIN details ON details.number = episodes.detail
    WHERE {{column}} = ? ORDER BY episodes.first_seen, episodes.rowid
"""  # noqa: S608 - the columns are constants


def spans(connection: sqlite3.Connection, finding_id: str) -> tuple[Span, ...]:
    """List the spans of one finding, oldest first."""
    return tuple(
        Span(
            verdict=Verdict(row["verdict"]),
            first=row["first"],
            last=row["last"],
            runs=row["runs"],
            finding=rows.finding(row) if row["severity"] and row["verdict"] != Verdict.OK else None,
        )
        for row in connection.execute(_SPANS, (finding_id,))
    )


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


def unreachable_spans(connection: sqlite3.Connection, host: str) -> tuple[UnreachableSpan, ...]:
    """List the spans of runs that could not audit a host, oldest first."""
    numbered: list[tuple[UnreachableSpan, int]] = []
    for row in connection.execute(_FAILURES, (host,)):
        failure = Failure(FailureReason(row["reason"]), row["message"])
        first, runs = row["started_at"], 1
        if numbered and _continues(*numbered[-1], row["number"], failure):
            previous, _ = numbered.pop()
            first, runs = previous.first, previous.runs + 1
        span = UnreachableSpan(first=first, last=row["started_at"], runs=runs, failure=failure)
        numbered.append((span, row["number"]))
    return tuple(span for span, _ in numbered)


def _continues(span: UnreachableSpan, last_run: int, run: int, failure: Failure) -> bool:
    return last_run == run - 1 and span.failure.reason is failure.reason


_FAILURES = """
    SELECT number, started_at, reason, message FROM failures JOIN runs ON runs.number = failures.run
    WHERE host = ? ORDER BY number
"""


def hosts(connection: sqlite3.Connection) -> tuple[str, ...]:
    """List all hosts in the history."""
    return tuple(row["host"] for row in connection.execute("SELECT DISTINCT host FROM subjects ORDER BY host"))


def find_subjects(connection: sqlite3.Connection, prefix: str) -> tuple[Subject, ...]:
    """Find the subjects whose finding id begins with `prefix`, sorted by id."""
    matches = connection.execute(_BY_PREFIX, (len(prefix), prefix))
    return tuple(Subject(row["id"], row["host"], row["check_id"], row["subject"]) for row in matches)


_BY_PREFIX = "SELECT id, host, check_id, subject FROM subjects WHERE substr(id, 1, ?) = ? ORDER BY id"
