"""Changes of a history: adding a run, and deleting runs that are too old, so that no separate job is needed."""

import sqlite3
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta

from olaudit.history import rows
from olaudit.history.states import FindingStates, findings_by_id, summary
from olaudit.model import EpisodeEnd, Finding, Report, Verdict

RECENT_RUNS = 30
"""Length of a report's timeline, in runs. The last so many runs are kept at any age, with their recordings."""


def write_run(connection: sqlite3.Connection, report: Report, after: FindingStates, recording: str | None) -> None:
    """Write the run of `report`, which has its changes; `after` are the states after it."""
    new, resolved = (report.changes.new, report.changes.resolved) if report.changes else ((), ())
    run = _insert_run(connection, report, {"new": len(new), "resolved": len(resolved)})
    if recording is not None:
        compressed = zlib.compress(recording.encode("utf-8", "surrogatepass"), 6)
        connection.execute("INSERT INTO recordings VALUES (?, ?)", (run, compressed))
    findings = findings_by_id(report.findings)
    subjects = _write_subjects(connection, findings)
    verdicts = [(run, subjects[id_], finding.verdict) for id_, finding in findings.items()]
    connection.executemany(_EXTEND_SPAN, verdicts)
    connection.executemany(_INSERT_SPAN, verdicts)
    details = _write_details(connection, run, subjects, findings)
    ended = [drift for drift in resolved if drift.ending is not EpisodeEnd.WAIVED]
    endings = [(report.run.started_at, run, drift.ending, subjects[drift.finding.id]) for drift in ended]
    connection.executemany(_END_EPISODE, endings)
    observed = [
        (subjects[id_], run, episode.finding.first_seen, episode.last_seen, episode.finding.verdict, details[id_])
        for id_, finding in findings.items()
        if finding.verdict in (Verdict.DRIFT, Verdict.WAIVED) and (episode := after[id_].episode)
    ]
    connection.executemany(_UPSERT_EPISODE, observed)
    connection.execute("DELETE FROM unknowns")
    unknowns = [(subjects[id_], state.unknown_since) for id_, state in after.items() if state.unknown_since]
    connection.executemany("INSERT INTO unknowns VALUES (?, ?)", unknowns)


def _insert_run(connection: sqlite3.Connection, report: Report, changes: Mapping[str, int]) -> int:
    """Insert the run with the counts of its `changes`, and the failures of its hosts; return its number."""
    values = {**asdict(report.run), **asdict(summary(report)), **changes}
    number = connection.execute(_INSERT_RUN, values).lastrowid or 0
    failures = [
        (number, host.host, host.failure.reason, host.failure.message) for host in report.hosts if host.failure
    ]
    connection.executemany("INSERT INTO failures VALUES (?, ?, ?, ?)", failures)
    return number


def _write_subjects(connection: sqlite3.Connection, findings: Mapping[str, Finding]) -> dict[str, int]:
    """Insert the missing subjects of `findings`; return the numbers of all subjects, by finding id."""
    subjects = [(id_, finding.host, finding.check, finding.subject) for id_, finding in findings.items()]
    connection.executemany(_INSERT_SUBJECT, subjects)
    return {row["id"]: row["number"] for row in connection.execute("SELECT id, number FROM subjects")}


def _write_details(
    connection: sqlite3.Connection, run: int, subjects: Mapping[str, int], findings: Mapping[str, Finding]
) -> dict[str, int]:
    """Insert the details of findings that are not ok, unless they equal the last ones.

    Returns the number of each finding's details, by finding id.
    """
    latest = {subject: (number, values) for subject, number, *values in connection.execute(_LATEST_DETAILS)}
    numbers: dict[str, int] = {}
    for id_, finding in findings.items():
        if finding.verdict is Verdict.OK:
            continue
        values = list(rows.detail(finding))
        numbers[id_], values_before = latest.get(subjects[id_], (0, None))
        if values != values_before:
            insert = "INSERT INTO details VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            numbers[id_] = connection.execute(insert, (subjects[id_], run, *values)).lastrowid or 0
    return numbers


def delete_old_runs(connection: sqlite3.Connection, now: str, keep_days: int) -> None:
    """Delete runs that started more than `keep_days` before `now`, and all rows that only these need.

    Open episodes keep the time when they were first seen. The last RECENT_RUNS runs are kept at any age, so that a
    run with a wrong clock cannot delete the history.
    """
    last = connection.execute("SELECT max(number) FROM runs").fetchone()[0]
    recent = last - RECENT_RUNS + 1  # run numbers have no gaps
    connection.execute("DELETE FROM recordings WHERE run < ?", (recent,))
    cutoff = f"{datetime.fromisoformat(now) - timedelta(days=keep_days):%Y-%m-%dT%H:%M:%SZ}"
    oldest = connection.execute(_OLDEST_TO_KEEP, (cutoff, recent)).fetchone()[0]
    if connection.execute("DELETE FROM runs WHERE number < ?", (oldest,)).rowcount:
        for statement in _DELETE_UNUSED:
            connection.execute(statement, {"run": oldest})


# --- statements -------------------------------------------------------------------------------------------------

_INSERT_RUN = """
    INSERT INTO runs VALUES (
        NULL, :id, :started_at, :finished_at, :duration_seconds, :olaudit_version, :expected_revision, :complete,
        :hosts, :unreachable, :ok, :drift, :unknown, :waived, :new, :resolved)
"""
_INSERT_SUBJECT = """
    INSERT INTO subjects (id, host, check_id, subject) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
"""
# `?1` is the run, `?2` the subject, `?3` its verdict; run numbers have no gaps
_EXTEND_SPAN = "UPDATE spans SET last_run = ?1 WHERE subject = ?2 AND last_run = ?1 - 1 AND verdict = ?3"
_INSERT_SPAN = """
    INSERT INTO spans SELECT ?2, ?1, ?1, ?3
    WHERE NOT EXISTS (SELECT 1 FROM spans WHERE subject = ?2 AND last_run = ?1)
"""
_LATEST_DETAILS = """
    SELECT subject, number, severity, expected, observed, message, fix, source, waiver FROM details
    WHERE (subject, run) IN (SELECT subject, max(run) FROM details GROUP BY subject)
"""
_END_EPISODE = "UPDATE episodes SET ended = ?, ended_run = ?, ending = ? WHERE subject = ? AND ended IS NULL"
_UPSERT_EPISODE = """
    INSERT INTO episodes (subject, first_run, first_seen, last_seen, verdict, detail) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (subject) WHERE ended IS NULL
    DO UPDATE SET last_seen = excluded.last_seen, verdict = excluded.verdict, detail = excluded.detail
"""
_OLDEST_TO_KEEP = "SELECT number FROM runs WHERE started_at >= ? OR number >= ? ORDER BY number LIMIT 1"
_DELETE_UNUSED = (
    "DELETE FROM episodes WHERE ended_run < :run",
    "DELETE FROM spans WHERE last_run < :run",
    "UPDATE spans SET first_run = :run WHERE first_run < :run",
    # the last details before the oldest run are still valid in it
    """DELETE FROM details WHERE run < :run AND number NOT IN (SELECT detail FROM episodes) AND (
         EXISTS (SELECT 1 FROM details AS later
                 WHERE later.subject = details.subject AND later.run > details.run AND later.run <= :run)
         OR NOT EXISTS (SELECT 1 FROM spans WHERE spans.subject = details.subject))""",
    """DELETE FROM subjects WHERE NOT EXISTS (SELECT 1 FROM spans WHERE spans.subject = subjects.number)
         AND number NOT IN (SELECT subject FROM episodes) AND number NOT IN (SELECT subject FROM unknowns)""",
)
