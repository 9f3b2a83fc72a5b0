"""The auditor's own clock around a batch, to compare a host's clock with."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from olaudit.model import Answer, Answered, Unanswered

if TYPE_CHECKING:
    from olaudit.transport.frames import Reader


class Stopwatch:
    """Started when a batch is sent. The span is measured by a clock that nobody sets in between."""

    def __init__(self) -> None:
        self._seconds: float | None = None
        self.start()

    def start(self) -> None:
        """Take the time now: whatever is asked, is asked after this."""
        self._sent, self._started = time.time(), time.monotonic()

    def look(self, reader: Reader) -> None:
        """Stop as soon as every command that cannot hang has been answered."""
        if self._seconds is None and reader.settled:
            self._seconds = time.monotonic() - self._started

    def answer(self) -> Answer:
        """Give the span, as `Reached.CLOCK` is answered."""
        if self._seconds is None:
            return Unanswered(
                "the answers did not come in, so the host's clock cannot be compared with the auditor's"
            )
        return Answered(json.dumps({"sent": self._sent, "received": self._sent + self._seconds}))
