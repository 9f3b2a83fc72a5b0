"""Retention: each run deletes runs that are too old, so that no separate job is needed."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

RECENT_RUNS = 30
"""Length of a report's timeline, in runs. The last so many runs are kept at any age, with their recordings."""


def delete_old_runs(connection: sqlite3.Connection, now: str, keep_days: int) -> None:
    """Delete runs that started more than `keep_days` before `now`, and all rows that only these need.

    Open episodes keep the time when they were first seen. The last RECENT_RUNS runs are kept at any age, so that a
    run with a wrong clock cannot delete the history.
    """
    recent = connection.execute(
        "SELECT number FROM runs ORDER BY number DESC LIMIT 1 OFFSET ?", (RECENT_RUNS - 1,)
    )
    row = recent.fetchone()
    if row is None:
        return
    connection.execute("DELETE FROM recordings WHERE run < ?", (row["number"],))
    cutoff = f"{datetime.fromisoformat(now) - timedelta(days=keep_days):%Y-%m-%dT%H:%M:%SZ}"
    oldest = connection.execute(_OLDEST_TO_KEEP, (cutoff, row["number"])).fetchone()
    if connection.execute("DELETE FROM runs WHERE number < ?", (oldest["number"],)).rowcount:
        for statement in _DELETE_UNUSED:
            connection.execute(statement, {"run": oldest["number"]})


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
