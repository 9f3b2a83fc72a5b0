"""Read access to the history of the nightly runs."""

from __future__ import annotations

from pathlib import Path

from olaudit.history import History
from olaudit.serve.snapshot import RunHistory

_TIMELINE_RUNS = 29  # thirty with the current state, as in the nightly report


def read_run_history(file: Path) -> RunHistory:
    """Read a history file; a missing or empty one is an empty history.

    Raises HistoryError if the file cannot be read.
    """
    if not file.exists() or (file.is_file() and not file.stat().st_size):
        return RunHistory()
    with History.open(file, create=False) as history:
        return RunHistory(history.states(), tuple(reversed(history.runs(_TIMELINE_RUNS))))
