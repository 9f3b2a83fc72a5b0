"""The tables, as the steps that make them: a file of version N is what the first N steps make.

Steps are only ever added. Times are RFC 3339 UTC. Runs are counted by `number`, in the order they were entered.
"""

from __future__ import annotations

import sqlite3

APPLICATION = 0x6F6C6175
"""SQLite's `application_id` of our files: "olau"."""

_FIRST = """
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    started_at TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    duration_seconds REAL NOT NULL,
    olaudit_version TEXT NOT NULL,
    expected_revision TEXT NOT NULL,
    complete INTEGER NOT NULL,
    hosts INTEGER NOT NULL,
    unreachable INTEGER NOT NULL,
    ok INTEGER NOT NULL,
    drift INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    waived INTEGER NOT NULL,
    appeared INTEGER NOT NULL,
    went INTEGER NOT NULL
);
CREATE TABLE failures (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    host TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run, host)
) WITHOUT ROWID;
CREATE TABLE recordings (
    run INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
    text BLOB NOT NULL -- UTF-8, compressed by zlib
);
-- whatever was ever judged
CREATE TABLE subjects (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE, -- the finding's
    host TEXT NOT NULL,
    check_id TEXT NOT NULL,
    subject TEXT NOT NULL
);
CREATE INDEX subjects_of_host ON subjects (host);
-- a verdict, from the first to the last of runs that all said it, one after the other
CREATE TABLE spells (
    subject INTEGER NOT NULL REFERENCES subjects ON DELETE CASCADE,
    first_run INTEGER NOT NULL,
    last_run INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    PRIMARY KEY (subject, first_run)
) WITHOUT ROWID;
-- what was said of a subject that was not ok: from `run` on, until the next says something else
CREATE TABLE details (
    number INTEGER PRIMARY KEY,
    subject INTEGER NOT NULL REFERENCES subjects ON DELETE CASCADE,
    run INTEGER NOT NULL,
    severity TEXT NOT NULL,
    expected TEXT NOT NULL,
    observed TEXT NOT NULL,
    message TEXT NOT NULL,
    fix TEXT,
    source TEXT NOT NULL,
    waiver TEXT, -- JSON
    UNIQUE (subject, run)
);
-- drifts; `verdict` and `detail` are as last seen. Runs are counted as well as timed: clocks go wrong
CREATE TABLE lives (
    subject INTEGER NOT NULL REFERENCES subjects,
    first_run INTEGER NOT NULL,
    ended_run INTEGER,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    verdict TEXT NOT NULL,
    detail INTEGER NOT NULL REFERENCES details,
    ended TEXT,
    ending TEXT
);
CREATE INDEX lives_of_subject ON lives (subject);
CREATE UNIQUE INDEX one_open_life ON lives (subject) WHERE ended IS NULL;
CREATE INDEX lives_of_detail ON lives (detail);
-- open rows of unknowns
CREATE TABLE unknowns (
    subject INTEGER PRIMARY KEY REFERENCES subjects,
    since TEXT NOT NULL
);
CREATE TABLE notes (
    name TEXT PRIMARY KEY,
    text TEXT NOT NULL
) WITHOUT ROWID;
"""

# Recordings of version 1 hold answers as hosts gave them, secrets included. The next run keeps reduced ones.
_WITHOUT_RAW_ANSWERS = """
DELETE FROM recordings;
"""

STEPS: tuple[str, ...] = (_FIRST, _WITHOUT_RAW_ANSWERS)


def migrate(connection: sqlite3.Connection, steps: tuple[str, ...] = STEPS) -> None:
    """Take the tables to the newest version. Runs in the caller's transaction; does nothing where they are."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for step in steps[version:]:
        # not `executescript`: it would commit what the caller began
        for statement in _statements(step):
            connection.execute(statement)
    if version < len(steps):
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")


def _statements(step: str) -> list[str]:
    """Split a step where SQLite itself sees a statement end."""
    found = [""]
    for line in step.splitlines(keepends=True):
        found[-1] += line
        if sqlite3.complete_statement(found[-1]):
            found.append("")
    return [statement for statement in found if statement.strip()]
