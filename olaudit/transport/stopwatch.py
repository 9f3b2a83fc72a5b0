"""Clock of the auditing machine around a batch, for the comparison with the clock of the host."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from olaudit.model import Answer, Answered, Unanswered

if TYPE_CHECKING:
    from olaudit.transport.frames import BatchReader


class Stopwatch:
    """Time between sending a batch and its answers. Its length is taken from the monotonic clock."""

    def __init__(self) -> None:
        self._seconds: float | None = None
        self.start()

    def start(self) -> None:
        """Record the current time. Called before the batch is sent."""
        self._sent, self._started = time.time(), time.monotonic()

    def stop_if_answered(self, reader: BatchReader) -> None:
        """Stop as soon as every command that cannot hang has been answered."""
        if self._seconds is None and reader.prompt_commands_answered:
            self._seconds = time.monotonic() - self._started

    def answer(self) -> Answer:
        """Build the answer to `ConnectionProbe.CLOCK`: when the batch was sent, and when its answers came."""
        if self._seconds is None:
            return Unanswered(
                "the commands were not answered, so the host's clock cannot be compared with the auditor's"
            )
        return Answered(json.dumps({"sent": self._sent, "received": self._sent + self._seconds}))
