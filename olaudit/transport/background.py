"""Tasks in background threads, with a bounded wait for their results."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from olaudit.model import Answer, Probe, Unanswered
from olaudit.transport import Deadline

T = TypeVar("T")

GRACE_SECONDS = 0.4
"""How long after the deadline `result` still waits. A task that observes the deadline ends before that."""


class BackgroundTask(Generic[T]):
    """A task in a separate daemon thread, which is abandoned if the task does not end."""

    def __init__(self, name: str, task: Callable[[], T]) -> None:
        self._outcome: queue.SimpleQueue[T | _TaskError] = queue.SimpleQueue()
        self._task = task
        threading.Thread(target=self._run, daemon=True, name=name).start()

    def _run(self) -> None:
        try:
            self._outcome.put(self._task())
        except BaseException as error:  # noqa: BLE001 - raised again by `result`
            self._outcome.put(_TaskError(error))

    def result(self, deadline: Deadline) -> T:
        """Wait for the result. Raises what the task raised, and TimeoutError after the deadline. Call it once."""
        try:
            outcome = self._outcome.get(timeout=deadline.remaining() + GRACE_SECONDS)
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(outcome, _TaskError):
            raise outcome.error
        return outcome


class _TaskError:
    """The exception that a task raised."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def await_answers(
    task: BackgroundTask[dict[Probe, Answer]] | None, probes: Sequence[Probe], deadline: Deadline
) -> dict[Probe, Answer]:
    """Wait for the answers of a background task. After the deadline, all its `probes` are unanswered."""
    try:
        return task.result(deadline) if task else {}
    except TimeoutError:
        return dict.fromkeys(probes, Unanswered(f"no answer within {deadline.seconds:g} s"))
