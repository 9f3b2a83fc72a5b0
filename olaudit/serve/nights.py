"""What the nightly runs know, read from their history, which stays as it is."""

from __future__ import annotations

from pathlib import Path

from olaudit.history import History
from olaudit.serve.judging import Nights

_TIMELINE = 29  # with the page's own moment thirty, as in the nightly report


def read_nights(file: Path) -> Nights:
    """Read a history; one that is not there yet knows nothing. Raises HistoryError where it cannot be used."""
    if not file.exists() or (file.is_file() and not file.stat().st_size):
        return Nights()
    with History.open(file, create=False) as history:
        return Nights(history.states(), tuple(reversed(history.runs(_TIMELINE))))
