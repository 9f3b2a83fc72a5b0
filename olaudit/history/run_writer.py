"""Writing a run: its summary, the failures of its hosts, each verdict, and the changes of episodes."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Mapping

from olaudit.history import rows
from olaudit.history.states import FindingState, FindingStates, findings_by_id, summary
from olaudit.model import EpisodeEnd, Finding, Report, Verdict


def load_states(connection: sqlite3.Connection) -> dict[str, FindingState]:
    """Load the open episodes and unknowns, by finding id."""
    unknowns = {row["id"]: row for row in connection.execute(_UNKNOWNS)}
    episodes = {row["id"]: row for row in connection.execute(_OPEN_EPISODES)}
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


_UNKNOWNS = """
    SELECT subjects.id, host, check_id, subjects.subject, since
    FROM unknowns JOIN subjects ON subjects.number = unknowns.subject
"""
_OPEN_EPISODES = f"""
    SELECT {rows.EPISODE} FROM episodes
    JOIN subjects ON subjects.number = episodes.subject JOIN details ON details.number = episodes.detail
    WHERE ended IS NULL
"""  # noqa: S608 - the columns are constants


def write(connection: sqlite3.Connection, report: Report, after: FindingStates, recording: str | None) -> None:
    """Write the run of `report`, which has its changes; `after` are the states after it."""
    number = _write_run(connection, report)
    if recording is not None:
        compressed = zlib.compress(recording.encode("utf-8", "surrogatepass"), 6)
        connection.execute("INSERT INTO recordings VALUES (?, ?)", (number, compressed))
    findings = findings_by_id(report.findings)
    subjects = _write_subjects(connection, findings)
    _write_spans(connection, number, subjects, findings)
    details = _write_details(connection, number, subjects, findings)
    drifting = {id_ for id_, finding in findings.items() if finding.verdict in (Verdict.DRIFT, Verdict.WAIVED)}
    _end_episodes(connection, number, report, subjects)
    _write_episodes(connection, number, {id_: after[id_] for id_ in drifting}, subjects, details)
    _write_unknowns(connection, after, subjects)


def _write_run(connection: sqlite3.Connection, report: Report) -> int:
    run, counts, changes = report.run, summary(report), report.changes
    values = (
        run.id,
        run.started_at,
        run.finished_at,
        run.duration_seconds,
        run.olaudit_version,
        run.expected_revision,
        run.complete,
        counts.hosts,
        counts.unreachable,
        counts.ok,
        counts.drift,
        counts.unknown,
        counts.waived,
        len(changes.new) if changes else 0,
        len(changes.resolved) if changes else 0,
    )
    number = connection.execute(_INSERT_RUN, values).lastrowid or 0
    failures = [
        (number, host.host, host.failure.reason, host.failure.message) for host in report.hosts if host.failure
    ]
    connection.executemany("INSERT INTO failures VALUES (?, ?, ?, ?)", failures)
    return number


_INSERT_RUN = "INSERT INTO runs VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _write_subjects(connection: sqlite3.Connection, findings: Mapping[str, Finding]) -> dict[str, int]:
    """Insert the missing subjects of `findings`; return the numbers of all subjects, by finding id."""
    existing = {row["id"] for row in connection.execute("SELECT id FROM subjects")}
    missing = [
        (id_, finding.host, finding.check, finding.subject)
        for id_, finding in findings.items()
        if id_ not in existing
    ]
    connection.executemany("INSERT INTO subjects VALUES (NULL, ?, ?, ?, ?)", missing)
    return {row["id"]: row["number"] for row in connection.execute("SELECT id, number FROM subjects")}


def _write_spans(
    connection: sqlite3.Connection, number: int, subjects: Mapping[str, int], findings: Mapping[str, Finding]
) -> None:
    """Extend the spans whose verdict continues, and insert the others. Run numbers have no gaps."""
    previous = connection.execute("SELECT subject, verdict FROM spans WHERE last_run = ?", (number - 1,))
    verdicts_before = {row["subject"]: row["verdict"] for row in previous}
    verdicts = [(subjects[id_], finding.verdict.value) for id_, finding in findings.items()]
    extended, inserted = [], []
    for subject, verdict in verdicts:
        if verdicts_before.get(subject) == verdict:
            extended.append((number, subject, number - 1))
        else:
            inserted.append((subject, number, number, verdict))
    connection.executemany("UPDATE spans SET last_run = ? WHERE subject = ? AND last_run = ?", extended)
    connection.executemany("INSERT INTO spans VALUES (?, ?, ?, ?)", inserted)


def _write_details(
    connection: sqlite3.Connection, number: int, subjects: Mapping[str, int], findings: Mapping[str, Finding]
) -> dict[str, int]:
    """Insert the details of findings that are not ok, unless they equal the last ones.

    Returns the number of each finding's details, by finding id.
    """
    latest = {row["subject"]: tuple(row) for row in connection.execute(_LATEST_DETAILS)}
    numbers: dict[str, int] = {}
    for id_, finding in findings.items():
        if finding.verdict is Verdict.OK:
            continue
        subject, values = subjects[id_], rows.detail(finding)
        before = latest.get(subject)
        if before and before[2:] == values:
            numbers[id_] = before[1]
        else:
            insert = "INSERT INTO details VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            numbers[id_] = connection.execute(insert, (subject, number, *values)).lastrowid or 0
    return numbers


_LATEST_DETAILS = """
    SELECT subject, number, severity, expected, observed, message, fix, source, waiver FROM details
    WHERE (subject, run) IN (SELECT subject, max(run) FROM details GROUP BY subject)
"""


def _end_episodes(
    connection: sqlite3.Connection, number: int, report: Report, subjects: Mapping[str, int]
) -> None:
    end = "UPDATE episodes SET ended = ?, ended_run = ?, ending = ? WHERE subject = ? AND ended IS NULL"
    for drift in report.changes.resolved if report.changes else ():
        if drift.ending is not EpisodeEnd.WAIVED:
            values = (report.run.started_at, number, drift.ending.value, subjects[drift.finding.id])
            connection.execute(end, values)


def _write_episodes(
    connection: sqlite3.Connection,
    number: int,
    drifting: FindingStates,
    subjects: Mapping[str, int],
    details: Mapping[str, int],
) -> None:
    """Insert or update the episodes of drift that this run observed."""
    episodes = ((id_, state.episode) for id_, state in drifting.items() if state.episode)
    connection.executemany(
        _UPSERT_EPISODE,
        [
            (
                subjects[id_],
                number,
                episode.finding.first_seen,
                episode.last_seen,
                episode.finding.verdict.value,
                details[id_],
            )
            for id_, episode in episodes
        ],
    )


_UPSERT_EPISODE = """
    INSERT INTO episodes (subject, first_run, first_seen, last_seen, verdict, detail) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (subject) WHERE ended IS NULL
    DO UPDATE SET last_seen = excluded.last_seen, verdict = excluded.verdict, detail = excluded.detail
"""


def _write_unknowns(connection: sqlite3.Connection, after: FindingStates, subjects: Mapping[str, int]) -> None:
    connection.execute("DELETE FROM unknowns")
    unknowns = [(subjects[id_], state.unknown_since) for id_, state in after.items() if state.unknown_since]
    connection.executemany("INSERT INTO unknowns VALUES (?, ?)", unknowns)
