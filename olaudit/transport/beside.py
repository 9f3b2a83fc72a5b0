"""Work beside the calling thread, which never waits for it longer than it wants to."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from olaudit.model import Answer, Probe, Unanswered
from olaudit.transport import Deadline

Result = TypeVar("Result")

GRACE_SECONDS = 0.4
"""How long after the deadline a result is still waited for. Work that keeps the deadline ends before that."""


class Beside(Generic[Result]):
    """Work in a daemon thread of its own, which is left behind where it does not come to an end."""

    def __init__(self, name: str, work: Callable[[], Result]) -> None:
        self._outcome: queue.SimpleQueue[Result | _Failed] = queue.SimpleQueue()
        self._work = work
        threading.Thread(target=self._run, daemon=True, name=name).start()

    def _run(self) -> None:
        try:
            self._outcome.put(self._work())
        except BaseException as error:  # noqa: BLE001 - raised again by `result`
            self._outcome.put(_Failed(error))

    def result(self, deadline: Deadline) -> Result:
        """Wait for the result. Raises what the work raised, and TimeoutError after the deadline. Called once."""
        try:
            outcome = self._outcome.get(timeout=deadline.left() + GRACE_SECONDS)
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(outcome, _Failed):
            raise outcome.error
        return outcome


class _Failed:
    """What the work raised."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def answers_of(
    beside: Beside[dict[Probe, Answer]] | None, wanted: Sequence[Probe], deadline: Deadline
) -> dict[Probe, Answer]:
    """Give the answers of work beside. Where they are late, `wanted` is unanswered, and all else is kept."""
    try:
        return beside.result(deadline) if beside else {}
    except TimeoutError:
        return dict.fromkeys(wanted, Unanswered(f"no answer within {deadline.seconds:g} s"))
