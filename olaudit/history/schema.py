"""Tables of the history file, as migration steps: a file of version N is the result of the first N steps.

Steps are only ever appended. Times are RFC 3339 UTC. `number` counts runs in the order in which they were added.
"""

import sqlite3

APPLICATION = 0x6F6C6175
"""SQLite's `application_id` of olaudit's files: "olau"."""

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
-- every subject that a check was evaluated for
CREATE TABLE subjects (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE, -- the finding's
    host TEXT NOT NULL,
    check_id TEXT NOT NULL,
    subject TEXT NOT NULL
);
CREATE INDEX subjects_of_host ON subjects (host);
-- spans: consecutive runs with the same verdict
CREATE TABLE spells (
    subject INTEGER NOT NULL REFERENCES subjects ON DELETE CASCADE,
    first_run INTEGER NOT NULL,
    last_run INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    PRIMARY KEY (subject, first_run)
) WITHOUT ROWID;
-- texts of a finding that was not ok: valid from `run` until the subject's next row
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
-- episodes; `verdict` and `detail` are as last seen. Clocks can be wrong, so runs are stored by number as well
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
-- subjects that are unknown now, and since when
CREATE TABLE unknowns (
    subject INTEGER PRIMARY KEY REFERENCES subjects,
    since TEXT NOT NULL
);
CREATE TABLE notes (
    name TEXT PRIMARY KEY,
    text TEXT NOT NULL
) WITHOUT ROWID;
"""

# Recordings of version 1 hold raw answers, which may contain secrets. Later versions store reduced answers.
_WITHOUT_RAW_ANSWERS = """
DELETE FROM recordings;
"""

_GLOSSARY_NAMES = """
ALTER TABLE lives RENAME TO episodes;
ALTER TABLE spells RENAME TO spans;
ALTER TABLE runs RENAME COLUMN appeared TO new;
ALTER TABLE runs RENAME COLUMN went TO resolved;
DROP INDEX lives_of_subject;
DROP INDEX one_open_life;
DROP INDEX lives_of_detail;
CREATE INDEX episodes_of_subject ON episodes (subject);
CREATE UNIQUE INDEX one_open_episode ON episodes (subject) WHERE ended IS NULL;
CREATE INDEX episodes_of_detail ON episodes (detail);
UPDATE episodes SET ending = 'fixed' WHERE ending = 'mended';
UPDATE episodes SET ending = 'no longer evaluated' WHERE ending = 'no longer judged';
UPDATE notes SET name = 'last_printed' WHERE name = 'spoken';
"""

STEPS: tuple[str, ...] = (_FIRST, _WITHOUT_RAW_ANSWERS, _GLOSSARY_NAMES)


def migrate(connection: sqlite3.Connection, steps: tuple[str, ...] = STEPS) -> None:
    """Migrate the tables to the newest version, within the caller's transaction; keep a current file as it is."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for step in steps[version:]:
        # not `executescript`: it would commit the caller's transaction
        for statement in _statements(step):
            connection.execute(statement)
    if version < len(steps):
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")


def _statements(step: str) -> list[str]:
    """Split a step into statements, where SQLite considers a statement complete."""
    statements = [""]
    for line in step.splitlines(keepends=True):
        statements[-1] += line
        if sqlite3.complete_statement(statements[-1]):
            statements.append("")
    return [statement for statement in statements if statement.strip()]
