"""What is forgotten, and when: in the run itself, so that nobody needs to remember to do it."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

RECENT = 30
"""How many runs back reports look. So many are kept whatever their age, and so many keep their recordings."""


def forget(connection: sqlite3.Connection, now: str, keep_days: int) -> None:
    """Let go of runs that started more than `keep_days` before `now`, and of everything only they need.

    Open lives stay, with when they were first seen. So do the last runs, however old: a machine whose clock was
    once wrong must not cost the history.
    """
    recent = connection.execute("SELECT number FROM runs ORDER BY number DESC LIMIT 1 OFFSET ?", (RECENT - 1,))
    row = recent.fetchone()
    if row is None:
        return
    connection.execute("DELETE FROM recordings WHERE run < ?", (row["number"],))
    oldest = f"{datetime.fromisoformat(now) - timedelta(days=keep_days):%Y-%m-%dT%H:%M:%SZ}"
    first = "SELECT number FROM runs WHERE started_at >= ? OR number >= ? ORDER BY number LIMIT 1"
    kept = connection.execute(first, (oldest, row["number"])).fetchone()
    if connection.execute("DELETE FROM runs WHERE number < ?", (kept["number"],)).rowcount:
        for statement in _UNNEEDED:
            connection.execute(statement, {"run": kept["number"]})


_UNNEEDED = (
    "DELETE FROM lives WHERE ended_run < :run",
    "DELETE FROM spells WHERE last_run < :run",
    "UPDATE spells SET first_run = :run WHERE first_run < :run",
    # what was said last before the oldest run still holds in it
    """DELETE FROM details WHERE run < :run AND number NOT IN (SELECT detail FROM lives) AND (
         EXISTS (SELECT 1 FROM details AS later
                 WHERE later.subject = details.subject AND later.run > details.run AND later.run <= :run)
         OR NOT EXISTS (SELECT 1 FROM spells WHERE spells.subject = details.subject))""",
    """DELETE FROM subjects WHERE NOT EXISTS (SELECT 1 FROM spells WHERE spells.subject = subjects.number)
         AND number NOT IN (SELECT subject FROM lives) AND number NOT IN (SELECT subject FROM unknowns)""",
)
