"""Stream to an engine, on which every wait and every byte is bounded."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable
from typing import Any

from olaudit.transport import Deadline
from olaudit.transport.engine.errors import BudgetExceeded, DeadlineExceeded, InvalidAnswer

ANSWER_BYTES = 4 << 20
"""Most bytes of one answer of an engine, HTTP headers and `100 Continue` included."""

HOST_BYTES = 32 << 20
"""Most bytes of all answers of one engine together."""

Dial = Callable[[Deadline], Any]
"""Opens one byte stream to the engine: a connected socket, or an object with the same methods."""


class ByteBudget:
    """Number of bytes that one host may still send. Its streams share it."""

    def __init__(self) -> None:
        self._remaining = HOST_BYTES
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        """Subtract received bytes. Raises BudgetExceeded."""
        with self._lock:
            self._remaining -= count
            if self._remaining < 0:
                raise BudgetExceeded(f"Docker answered with more than {HOST_BYTES >> 20} MiB in all")


class BoundedStream(io.RawIOBase):
    """A dialled stream. One deadline covers all waits, so a slow drip of bytes cannot extend it."""

    def __init__(self, connection: Any, deadline: Deadline, budget: ByteBudget) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = deadline
        self._budget = budget
        self._received = 0
        self._blocking = True
        self.ended = False
        """Whether the other side has closed it."""

    def readable(self) -> bool:
        """Return True, as RawIOBase requires of a stream that can be read."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Receive into `buffer`. Returns None where no data has arrived and waiting is switched off."""
        if self._blocking:
            self._limit_wait()
        else:
            self._connection.settimeout(0.0)
        try:
            data: bytes = self._connection.recv(len(buffer))
        except (TimeoutError, BlockingIOError):
            if self._blocking:
                raise self._deadline_exceeded() from None
            return None
        self.ended = not data
        self._received += len(data)
        self._budget.take(len(data))
        if self._received > ANSWER_BYTES:
            raise InvalidAnswer(f"Docker's answer was larger than {ANSWER_BYTES >> 20} MiB")
        buffer[: len(data)] = data
        return len(data)

    def send(self, data: bytes) -> None:
        """Send a request. All bytes received from now on count as its answer."""
        self._received = 0
        self._limit_wait()
        try:
            self._connection.sendall(data)
        except TimeoutError:
            raise self._deadline_exceeded() from None

    def _limit_wait(self) -> None:
        seconds = self._deadline.remaining()
        if not seconds:
            raise self._deadline_exceeded()
        self._connection.settimeout(seconds)

    def _deadline_exceeded(self) -> DeadlineExceeded:
        return deadline_exceeded(self._deadline, self._received)

    @contextlib.contextmanager
    def without_waiting(self) -> Any:
        """Switch waiting off for the duration of the context."""
        self._blocking = False
        try:
            yield
        finally:
            self._blocking = True

    def disconnect(self) -> None:
        """Close the connection, and wake a thread that reads from it."""
        # A thread that waits for a socket does not notice that another thread closes it, but notices a shutdown.
        with contextlib.suppress(OSError, EOFError):
            self._connection.shutdown(2)
        with contextlib.suppress(OSError, EOFError):
            self._connection.close()


def deadline_exceeded(deadline: Deadline, received: int = 0) -> DeadlineExceeded:
    """Build the error for a passed deadline, with the number of bytes received of the answer."""
    if received:
        within = f"within {deadline.seconds:.2g} s"
        message = f"Docker's answer was not complete {within} ({received:,} bytes had been received)"
        return DeadlineExceeded(message)
    return DeadlineExceeded(
        f"Docker gave no answer within {deadline.seconds:.2g} s "
        "(a running `docker builder prune` blocks every other command for that long and longer)"
    )
