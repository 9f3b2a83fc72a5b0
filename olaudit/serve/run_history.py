"""What the nightly runs know, read from their history, which stays as it is."""

from __future__ import annotations

from pathlib import Path

from olaudit.history import History
from olaudit.serve.snapshot import RunHistory

_TIMELINE = 29  # with the page's own moment thirty, as in the nightly report


def read_run_history(file: Path) -> RunHistory:
    """Read a history; one that is not there yet knows nothing. Raises HistoryError where it cannot be used."""
    if not file.exists() or (file.is_file() and not file.stat().st_size):
        return RunHistory()
    with History.open(file, create=False) as history:
        return RunHistory(history.states(), tuple(reversed(history.runs(_TIMELINE))))
