"""Writing a run: its line, its hosts' failures, every verdict, and what it made of the lives."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Mapping

from olaudit.history import rows
from olaudit.history.states import FindingState, FindingStates, summary, verdicts
from olaudit.model import EpisodeEnd, Finding, Report, Verdict


def load_states(connection: sqlite3.Connection) -> dict[str, FindingState]:
    """Read what is open, by finding id."""
    since = {row["id"]: row for row in connection.execute(_UNKNOWNS)}
    lives = {row["id"]: row for row in connection.execute(_OPEN_LIVES)}
    return {
        id_: FindingState(
            host=row["host"],
            check=row["check_id"],
            subject=row["subject"],
            episode=rows.episode(lives[id_]) if id_ in lives else None,
            unknown_since=since[id_]["since"] if id_ in since else None,
        )
        for id_, row in {**since, **lives}.items()
    }


_UNKNOWNS = """
    SELECT subjects.id, host, check_id, subjects.subject, since
    FROM unknowns JOIN subjects ON subjects.number = unknowns.subject
"""
_OPEN_LIVES = f"""
    SELECT {rows.LIFE} FROM lives
    JOIN subjects ON subjects.number = lives.subject JOIN details ON details.number = lives.detail
    WHERE ended IS NULL
"""  # noqa: S608 - the columns are ours


def write(connection: sqlite3.Connection, report: Report, after: FindingStates, recording: str | None) -> None:
    """Write the run of `report`, whose changes are known, after which `after` is open."""
    number = _write_run(connection, report)
    if recording is not None:
        packed = zlib.compress(recording.encode("utf-8", "surrogatepass"), 6)
        connection.execute("INSERT INTO recordings VALUES (?, ?)", (number, packed))
    judged = verdicts(report.findings)
    subjects = _subjects(connection, judged)
    _write_spells(connection, number, subjects, judged)
    details = _write_details(connection, number, subjects, judged)
    seen = {id_ for id_, finding in judged.items() if finding.verdict in (Verdict.DRIFT, Verdict.WAIVED)}
    _end_lives(connection, number, report, subjects)
    _write_lives(connection, number, {id_: after[id_] for id_ in seen}, subjects, details)
    _write_unknowns(connection, after, subjects)


def _write_run(connection: sqlite3.Connection, report: Report) -> int:
    run, line, changes = report.run, summary(report), report.changes
    appeared, went = (len(changes.new), len(changes.resolved)) if changes else (0, 0)
    said = (
        run.id,
        run.started_at,
        run.finished_at,
        run.duration_seconds,
        run.olaudit_version,
        run.expected_revision,
    )
    counts = (line.hosts, line.unreachable, line.ok, line.drift, line.unknown, line.waived, appeared, went)
    number = connection.execute(_RUN, (*said, run.complete, *counts)).lastrowid or 0
    failed = [
        (number, host.host, host.failure.reason, host.failure.message) for host in report.hosts if host.failure
    ]
    connection.executemany("INSERT INTO failures VALUES (?, ?, ?, ?)", failed)
    return number


_RUN = "INSERT INTO runs VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _subjects(connection: sqlite3.Connection, judged: Mapping[str, Finding]) -> dict[str, int]:
    """Give the numbers of all subjects, with those of `judged` made where they are missing."""
    known = {row["id"] for row in connection.execute("SELECT id FROM subjects")}
    made = [(id_, it.host, it.check, it.subject) for id_, it in judged.items() if id_ not in known]
    connection.executemany("INSERT INTO subjects VALUES (NULL, ?, ?, ?, ?)", made)
    return {row["id"]: row["number"] for row in connection.execute("SELECT id, number FROM subjects")}


def _write_spells(
    connection: sqlite3.Connection, number: int, subjects: Mapping[str, int], judged: Mapping[str, Finding]
) -> None:
    """Lengthen the spells that go on, and begin the others. Runs are counted without gaps."""
    last = connection.execute("SELECT subject, verdict FROM spells WHERE last_run = ?", (number - 1,))
    saying = {row["subject"]: row["verdict"] for row in last}
    said = [(subjects[id_], finding.verdict.value) for id_, finding in judged.items()]
    longer = [(number, subject, number - 1) for subject, verdict in said if saying.get(subject) == verdict]
    begun = [(subject, number, number, verdict) for subject, verdict in said if saying.get(subject) != verdict]
    connection.executemany("UPDATE spells SET last_run = ? WHERE subject = ? AND last_run = ?", longer)
    connection.executemany("INSERT INTO spells VALUES (?, ?, ?, ?)", begun)


def _write_details(
    connection: sqlite3.Connection, number: int, subjects: Mapping[str, int], judged: Mapping[str, Finding]
) -> dict[str, int]:
    """Write what is said of that which is not ok, where it was not said last; give the details' numbers."""
    latest = {row["subject"]: tuple(row) for row in connection.execute(_LATEST)}
    found: dict[str, int] = {}
    for id_, finding in judged.items():
        if finding.verdict is Verdict.OK:
            continue
        subject, said = subjects[id_], rows.detail(finding)
        before = latest.get(subject)
        if before and before[2:] == said:
            found[id_] = before[1]
        else:
            insert = "INSERT INTO details VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            found[id_] = connection.execute(insert, (subject, number, *said)).lastrowid or 0
    return found


_LATEST = """
    SELECT subject, number, severity, expected, observed, message, fix, source, waiver FROM details
    WHERE (subject, run) IN (SELECT subject, max(run) FROM details GROUP BY subject)
"""


def _end_lives(connection: sqlite3.Connection, number: int, report: Report, subjects: Mapping[str, int]) -> None:
    end = "UPDATE lives SET ended = ?, ended_run = ?, ending = ? WHERE subject = ? AND ended IS NULL"
    for gone in report.changes.resolved if report.changes else ():
        if gone.ending is not EpisodeEnd.WAIVED:
            said = (report.run.started_at, number, gone.ending.value, subjects[gone.finding.id])
            connection.execute(end, said)


def _write_lives(
    connection: sqlite3.Connection,
    number: int,
    seen: FindingStates,
    subjects: Mapping[str, int],
    details: Mapping[str, int],
) -> None:
    """Begin and go on with the lives of what this run saw."""
    lives = ((id_, state.episode) for id_, state in seen.items() if state.episode)
    connection.executemany(
        _SEEN,
        [
            (subjects[id_], number, it.finding.first_seen, it.last_seen, it.finding.verdict.value, details[id_])
            for id_, it in lives
        ],
    )


_SEEN = """
    INSERT INTO lives (subject, first_run, first_seen, last_seen, verdict, detail) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (subject) WHERE ended IS NULL
    DO UPDATE SET last_seen = excluded.last_seen, verdict = excluded.verdict, detail = excluded.detail
"""


def _write_unknowns(connection: sqlite3.Connection, after: FindingStates, subjects: Mapping[str, int]) -> None:
    connection.execute("DELETE FROM unknowns")
    rows_ = [(subjects[id_], state.unknown_since) for id_, state in after.items() if state.unknown_since]
    connection.executemany("INSERT INTO unknowns VALUES (?, ?)", rows_)
