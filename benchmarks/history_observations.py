"""The alternative to the tables of the history that decision 9 rejects: one row per run and finding.

`benchmarks/history.py` compares it with olaudit's history. It answers the same queries, without runs' names,
failures, recordings, retention and migration, which would be the same.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

from olaudit.history import DriftEpisode, FindingState, RunScope, Span, advance
from olaudit.model import EpisodeEnd, Finding, Report, Severity, Verdict, Waiver

_TABLES = """
CREATE TABLE runs (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, started_at TEXT NOT NULL);
CREATE TABLE subjects (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL,
    check_id TEXT NOT NULL,
    subject TEXT NOT NULL
);
CREATE INDEX subjects_of_host ON subjects (host);
CREATE TABLE texts (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
-- what a run observed; `text` is null if ok
CREATE TABLE observations (
    run INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    text INTEGER,
    PRIMARY KEY (run, subject)
) WITHOUT ROWID;
-- what was open after a run, observed or not; `verdict` and `text` are those of the drift as last seen
CREATE TABLE states (
    run INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    unknown_since TEXT,
    first_seen TEXT,
    last_seen TEXT,
    verdict TEXT,
    text INTEGER,
    PRIMARY KEY (subject, run)
) WITHOUT ROWID;
CREATE INDEX states_of_run ON states (run);
"""


class Observations:
    """A file with one row per run and finding; for the parameters and values see `History`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, file: Path) -> Iterator[Observations]:
        """Open `file`, created if missing, with the same durability as the history."""
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = FULL")
            if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                connection.executescript(_TABLES)
            yield cls(connection)

    def add_run(self, report: Report, scope: RunScope) -> Report:
        """Add a run, and commit; return its report with ages and changes."""
        connection, now = self._connection, report.run.started_at
        connection.execute("BEGIN IMMEDIATE")
        previous = connection.execute("SELECT started_at FROM runs ORDER BY number DESC").fetchone()
        after, with_ages = advance(self.states(), report, scope, previous["started_at"] if previous else None)
        run = connection.execute("INSERT INTO runs VALUES (NULL, ?, ?)", (report.run.id, now)).lastrowid or 0
        findings = {finding.id: finding for finding in report.findings}
        subjects = self._write_subjects(findings)
        observations = [
            (run, subjects[id_], finding.verdict, self._write_text(finding)) for id_, finding in findings.items()
        ]
        connection.executemany("INSERT INTO observations VALUES (?, ?, ?, ?)", sorted(observations))
        states = [(run, subjects[id_], *self._state_values(state)) for id_, state in after.items()]
        connection.executemany("INSERT INTO states VALUES (?, ?, ?, ?, ?, ?, ?)", states)
        connection.execute("COMMIT")
        return with_ages

    def _write_subjects(self, findings: Mapping[str, Finding]) -> dict[str, int]:
        values = [(id_, finding.host, finding.check, finding.subject) for id_, finding in findings.items()]
        insert = "INSERT INTO subjects VALUES (NULL, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
        self._connection.executemany(insert, values)
        return {row["id"]: row["number"] for row in self._connection.execute("SELECT id, number FROM subjects")}

    def _write_text(self, finding: Finding) -> int | None:
        if finding.verdict is Verdict.OK:
            return None
        waiver = asdict(finding.waiver) if finding.waiver else None
        texts = (finding.expected, finding.observed, finding.message, finding.fix, finding.source)
        text = json.dumps([finding.severity, *texts, waiver])
        self._connection.execute("INSERT INTO texts VALUES (NULL, ?) ON CONFLICT (text) DO NOTHING", (text,))
        return int(self._connection.execute("SELECT number FROM texts WHERE text = ?", (text,)).fetchone()[0])

    def _state_values(self, state: FindingState) -> tuple[object, ...]:
        if (episode := state.episode) is None:
            return state.unknown_since, None, None, None, None
        finding = episode.finding
        text = self._write_text(finding)
        return state.unknown_since, finding.first_seen, episode.last_seen, finding.verdict, text

    def states(self) -> dict[str, FindingState]:
        """Load the open episodes and unknowns, by finding id."""
        return {
            row["id"]: FindingState(
                host=row["host"],
                check=row["check_id"],
                subject=row["subject"],
                episode=_episode(row) if row["first_seen"] else None,
                unknown_since=row["unknown_since"],
            )
            for row in self._connection.execute(_STATES)
        }

    def findings(self, run_id: str) -> tuple[Finding, ...]:
        """List the findings of a run that were not ok; sorted by host, check, subject."""
        return tuple(_finding(row) for row in self._connection.execute(_FINDINGS, (run_id,)))

    def episodes(self, finding_id: str) -> tuple[DriftEpisode, ...]:
        """List the episodes of a finding, oldest first."""
        rows = self._connection.execute(_EPISODES.format(column="id"), (finding_id,))
        return tuple(_episode(row) for row in rows)

    def host_episodes(self, host: str) -> tuple[DriftEpisode, ...]:
        """List the episodes of all findings of a host, oldest first."""
        return tuple(_episode(row) for row in self._connection.execute(_EPISODES.format(column="host"), (host,)))

    def spans(self, finding_id: str) -> tuple[Span, ...]:
        """List the spans of a finding, oldest first."""
        return tuple(
            Span(
                verdict=Verdict(row["verdict"]),
                first=row["first"],
                last=row["last"],
                runs=row["runs"],
                finding=_finding(row) if row["text"] else None,
            )
            for row in self._connection.execute(_SPANS, (finding_id,))
        )


def _finding(row: sqlite3.Row) -> Finding:
    severity, expected, observed, message, fix, source, waiver = json.loads(row["text"])
    return Finding(
        host=row["host"],
        check=row["check_id"],
        subject=row["subject"],
        verdict=Verdict(row["verdict"]),
        severity=Severity(severity),
        expected=expected,
        observed=observed,
        message=message,
        fix=fix,
        source=source,
        first_seen=row["first_seen"],
        waiver=Waiver(**waiver) if waiver else None,
    )


def _episode(row: sqlite3.Row) -> DriftEpisode:
    ending = EpisodeEnd(row["ending"]) if row["ended"] else None
    return DriftEpisode(finding=_finding(row), last_seen=row["last_seen"], ended=row["ended"], ending=ending)


_STATES = """
    SELECT id, host, check_id, subjects.subject, unknown_since, first_seen, last_seen, verdict, texts.text,
        NULL AS ended, NULL AS ending
    FROM states JOIN subjects ON subjects.number = states.subject LEFT JOIN texts ON texts.number = states.text
    WHERE run = (SELECT max(number) FROM runs)
"""
_FINDINGS = """
    SELECT host, check_id, subjects.subject, observations.verdict, texts.text,
        coalesce(first_seen, unknown_since) AS first_seen
    FROM runs JOIN observations ON observations.run = runs.number
    JOIN subjects ON subjects.number = observations.subject JOIN texts ON texts.number = observations.text
    JOIN states ON states.run = observations.run AND states.subject = observations.subject
    WHERE runs.id = ? ORDER BY host, check_id, subjects.subject
"""
_EPISODES = """
    WITH last AS (
        SELECT states.subject, first_seen, max(run) AS run FROM subjects JOIN states ON states.subject = number
        WHERE {column} = ? AND first_seen IS NOT NULL GROUP BY states.subject, first_seen)
    SELECT host, check_id, subjects.subject, states.verdict, texts.text, states.first_seen, last_seen,
        ended.started_at AS ended, iif(after.verdict = 'ok', 'fixed', 'no longer evaluated') AS ending
    FROM last JOIN states ON states.run = last.run AND states.subject = last.subject
    JOIN subjects ON subjects.number = last.subject JOIN texts ON texts.number = states.text
    LEFT JOIN runs AS ended ON ended.number = last.run + 1
    LEFT JOIN observations AS after ON after.run = last.run + 1 AND after.subject = last.subject
    ORDER BY last.first_seen, last.run
"""
_SPANS = """
    WITH observed AS (
        SELECT run, observations.subject, verdict, text,
            run - row_number() OVER (PARTITION BY verdict ORDER BY run) AS span
        FROM subjects JOIN runs
        CROSS JOIN observations ON run = runs.number AND observations.subject = subjects.number
        WHERE subjects.id = ?),
    spans AS (
        SELECT subject, verdict, text, max(run) AS last, count(*) AS runs FROM observed GROUP BY verdict, span)
    SELECT host, check_id, subjects.subject, verdict, texts.text, NULL AS first_seen, runs,
        first.started_at AS first, last.started_at AS last
    FROM spans JOIN subjects ON subjects.number = spans.subject
    JOIN runs AS first ON first.number = spans.last - runs + 1 JOIN runs AS last ON last.number = spans.last
    LEFT JOIN texts ON texts.number = spans.text ORDER BY spans.last
"""
