"""Pool of daemon threads for the requests of one host. The threads are never joined."""

from __future__ import annotations

import collections
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from functools import partial
from typing import TypeVar

from olaudit.transport import Deadline
from olaudit.transport.background import complete
from olaudit.transport.engine.stream import deadline_exceeded

InputT = TypeVar("InputT")
OutputT = TypeVar("OutputT")

MAX_THREADS = 8


class Workers:
    """At most `MAX_THREADS` threads, which start when tasks are submitted."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._started = 0
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, task: Callable[[], OutputT]) -> Future[OutputT]:
        """Queue `task` for the next free thread, and return the future of its result."""
        future: Future[OutputT] = Future()
        self._tasks.put(partial(complete, future, task))
        with self._lock:
            start = self._started < MAX_THREADS and not self._closed
            self._started += start
        if start:
            threading.Thread(target=self._work, daemon=True, name="engine").start()
        return future

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None and not self._closed:
            task()

    def map(self, function: Callable[[InputT], OutputT], inputs: Sequence[InputT]) -> list[OutputT]:
        """Apply `function` to all inputs in parallel. Raises what `function` raises, and DeadlineExceeded.

        The calling thread takes part. It therefore waits only for inputs that another thread is processing, and
        several callers cannot wait for each other.
        """
        futures: list[Future[OutputT]] = [Future() for _ in inputs]
        pending = collections.deque(zip(futures, inputs, strict=True))
        drain = partial(_drain, function, pending)
        for _ in range(min(MAX_THREADS, len(inputs)) - 1):
            self.submit(drain)
        drain()
        ended, remaining = wait(futures, self._deadline.timeout(), FIRST_EXCEPTION)
        for future in ended:
            if error := future.exception():
                raise error
        if remaining:
            raise deadline_exceeded(self._deadline)
        return [future.result() for future in futures]

    def close(self) -> None:
        """End every thread after its current task."""
        with self._lock:
            self._closed = True
        for _ in range(MAX_THREADS):
            self._tasks.put(None)


def _drain(
    function: Callable[[InputT], OutputT], pending: collections.deque[tuple[Future[OutputT], InputT]]
) -> None:
    """Process pending inputs until none remains, or one has failed."""
    while True:
        try:
            future, input_ = pending.popleft()
        except IndexError:
            return
        complete(future, partial(function, input_))
        if future.exception():
            pending.clear()
