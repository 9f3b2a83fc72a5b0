"""Tasks in background threads, with a bounded wait for their results."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from olaudit.transport import Deadline

T = TypeVar("T")

GRACE_SECONDS = 0.4
"""How long after the deadline `result` still waits. A task that observes the deadline ends before that."""


class BackgroundTask(Generic[T]):
    """A task in a separate daemon thread, which is abandoned if the task does not end."""

    def __init__(self, name: str, task: Callable[[], T]) -> None:
        self._future: Future[T] = Future()
        threading.Thread(target=complete, args=(self._future, task), daemon=True, name=name).start()

    def result(self, deadline: Deadline, grace: float = GRACE_SECONDS) -> T:
        """Wait until `grace` seconds after the deadline. Raises TimeoutError, and what the task raised."""
        return self._future.result(deadline.remaining() + grace)


def complete(future: Future[T], task: Callable[[], T]) -> None:
    """Run `task` in this thread, and store what it returns or raises in `future`."""
    try:
        future.set_result(task())
    except BaseException as error:  # noqa: BLE001 - raised again where the result is read
        future.set_exception(error)
