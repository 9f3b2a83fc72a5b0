"""A few daemon threads that share the work of one host. None of them is ever joined."""

from __future__ import annotations

import collections
import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from olaudit.transport import Deadline
from olaudit.transport.engine.stream import out_of_time

Item = TypeVar("Item")
Result = TypeVar("Result")
Outcome = tuple[int, Result | Exception]


class Workers:
    """At most `most` threads, started as tasks come in."""

    def __init__(self, most: int, deadline: Deadline) -> None:
        self._most = most
        self._deadline = deadline
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._started = 0
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, task: Callable[[], None]) -> None:
        """Run `task`, which must not raise, as soon as a thread is free."""
        self._tasks.put(task)
        with self._lock:
            start = self._started < self._most and not self._closed
            self._started += start
        if start:
            threading.Thread(target=self._work, daemon=True, name="engine").start()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None and not self._closed:
            task()

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Apply `work` to all items in parallel, the calling worker included. Raises what `work` raises.

        The caller takes part, so that it waits only for items that another thread is already at work on: however
        many callers there are, they cannot wait for each other.
        """
        waiting = collections.deque(enumerate(items))
        outcomes: queue.SimpleQueue[Outcome[Result]] = queue.SimpleQueue()
        drain = partial(_drain, work, waiting, outcomes)
        for _ in range(min(self._most, len(items)) - 1):
            self.submit(drain)
        drain()
        results: dict[int, Result] = {}
        for _ in items:
            try:
                index, outcome = outcomes.get(timeout=max(0.001, self._deadline.left()))
            except queue.Empty:
                raise out_of_time(self._deadline) from None
            if isinstance(outcome, Exception):
                raise outcome
            results[index] = outcome
        return [results[index] for index in range(len(items))]

    def close(self) -> None:
        """Let every thread end after its task."""
        with self._lock:
            self._closed = True
        for _ in range(self._most):
            self._tasks.put(None)


def _drain(
    work: Callable[[Item], Result],
    waiting: collections.deque[tuple[int, Item]],
    outcomes: queue.SimpleQueue[Outcome[Result]],
) -> None:
    """Work until no item is left, or one has failed."""
    while True:
        try:
            index, item = waiting.popleft()
        except IndexError:
            return
        try:
            outcomes.put((index, work(item)))
        except Exception as error:  # noqa: BLE001 - raised again by `map`, in the thread that asked for it
            waiting.clear()
            outcomes.put((index, error))
