"""A stream to an engine on which every wait and every byte is bounded."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable
from typing import Any

from olaudit.transport import Deadline
from olaudit.transport.engine.errors import BadAnswer, OutOfBudget, OutOfTime

ANSWER_BYTES = 4 << 20
"""How much one answer of an engine may take, HTTP headers and `100 Continue` included."""

HOST_BYTES = 32 << 20
"""How much all answers of one engine may take together."""

Dial = Callable[[Deadline], Any]
"""Opens one byte stream to the engine: a connected socket, or an object with the same methods."""


class Budget:
    """The bytes that one host may still send. Shared by its streams."""

    def __init__(self, size: int = HOST_BYTES) -> None:
        self._left = size
        self._size = size
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        """Count received bytes. Raises OutOfBudget where there are too many."""
        with self._lock:
            self._left -= count
            if self._left < 0:
                raise OutOfBudget(f"Docker answered with more than {self._size >> 20} MiB in all")


class Stream(io.RawIOBase):
    """A dialled stream. One deadline covers all of its waiting, so that no drip of bytes can extend it."""

    def __init__(self, dialled: Any, deadline: Deadline, budget: Budget) -> None:
        super().__init__()
        self._dialled = dialled
        self._deadline = deadline
        self._budget = budget
        self._received = 0
        self._waits = True
        self.ended = False
        """Whether the other side has closed it."""

    def readable(self) -> bool:
        """Say that it can be read from."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Receive into `buffer`. Gives None where nothing has arrived and waiting is switched off."""
        data = self._receive(len(buffer)) if self._waits else self._poll(len(buffer))
        if data is None:
            return None
        self.ended = not data
        self._received += len(data)
        self._budget.take(len(data))
        if self._received > ANSWER_BYTES:
            raise BadAnswer(f"Docker's answer was larger than {ANSWER_BYTES >> 20} MiB")
        buffer[: len(data)] = data
        return len(data)

    def _receive(self, size: int) -> bytes:
        self._limit_wait()
        try:
            data: bytes = self._dialled.recv(size)
        except TimeoutError:
            raise self._out_of_time() from None
        return data

    def _poll(self, size: int) -> bytes | None:
        self._dialled.settimeout(0.0)
        try:
            data: bytes = self._dialled.recv(size)
        except (TimeoutError, BlockingIOError):
            return None
        return data

    def send(self, data: bytes) -> None:
        """Send a request. What is received from now on counts as its answer."""
        self._received = 0
        self._limit_wait()
        try:
            self._dialled.sendall(data)
        except TimeoutError:
            raise self._out_of_time() from None

    def _limit_wait(self) -> None:
        seconds = self._deadline.left()
        if not seconds:
            raise self._out_of_time()
        self._dialled.settimeout(seconds)

    def _out_of_time(self) -> OutOfTime:
        return out_of_time(self._deadline, self._received)

    @contextlib.contextmanager
    def not_waiting(self) -> Any:
        """Switch waiting off."""
        self._waits = False
        try:
            yield
        finally:
            self._waits = True

    def hang_up(self) -> None:
        """Close what was dialled, and wake the thread that reads from it."""
        # A thread that waits for a socket does not notice that another one closes it, but does notice a shutdown.
        with contextlib.suppress(OSError, EOFError):
            self._dialled.shutdown(2)
        with contextlib.suppress(OSError, EOFError):
            self._dialled.close()


def out_of_time(deadline: Deadline, received: int = 0) -> OutOfTime:
    """Say that the deadline has passed, and how far an answer came."""
    if received:
        within = f"within {deadline.seconds:.2g} s"
        return OutOfTime(f"Docker's answer was not complete {within} ({received:,} bytes had been received)")
    return OutOfTime(
        f"Docker gave no answer within {deadline.seconds:.2g} s "
        "(a running `docker builder prune` blocks every other command for that long and longer)"
    )
