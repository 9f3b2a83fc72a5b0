"""Stream to an engine, on which every wait and every byte is bounded."""

import contextlib
import io
import threading
from collections.abc import Callable
from typing import Any

from olaudit.transport import Deadline
from olaudit.transport.engine.errors import EngineError, InvalidAnswer

ANSWER_BYTES = 4 << 20
"""Most bytes of one answer of an engine, HTTP headers and `100 Continue` included."""

HOST_BYTES = 32 << 20
"""Most bytes of all answers of one engine together."""

_CHUNK_BYTES = 1 << 16

Dial = Callable[[Deadline], Any]
"""Opens one byte stream to the engine: a connected socket, or an object with the same methods."""


class ByteBudget:
    """Number of bytes that several threads may still receive together."""

    def __init__(self, count: int, exceeded: str) -> None:
        self._remaining = count
        self._exceeded = exceeded
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        """Subtract received bytes. Raises EngineError with the text `exceeded`."""
        with self._lock:
            self._remaining -= count
            if self._remaining < 0:
                raise EngineError(self._exceeded)


class _PersistentReader(io.BufferedReader):
    """Reader of one stream that stays open between answers, so that surplus bytes after one are detected."""

    def close(self) -> None:
        """Do nothing: `http.client` closes its file at the end of every answer."""


class BoundedStream(io.RawIOBase):
    """A dialled stream, with the part of a socket's interface that `http.client` uses.

    One deadline covers all waits, so a slow drip of bytes cannot extend it.
    """

    def __init__(self, connection: Any, deadline: Deadline, budget: ByteBudget) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = deadline
        self._budget = budget
        self._received = 0
        self._reader = _PersistentReader(self, _CHUNK_BYTES)
        self._waits = True
        self.ended = False
        """Whether the other side has closed it."""

    def readable(self) -> bool:
        """Return True, as RawIOBase requires of a stream that can be read."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Receive into `buffer`. Returns None where no data has arrived and waiting is switched off."""
        if self._waits:
            self._limit_wait()
        else:
            self._connection.settimeout(0.0)
        try:
            data: bytes = self._connection.recv(len(buffer))
        except (TimeoutError, BlockingIOError):
            if self._waits:
                raise self._deadline_exceeded() from None
            return None
        self.ended = not data
        self._received += len(data)
        self._budget.take(len(data))
        if self._received > ANSWER_BYTES:
            raise InvalidAnswer(f"Docker's answer was larger than {ANSWER_BYTES >> 20} MiB")
        buffer[: len(data)] = data
        return len(data)

    def makefile(self, *_args: str) -> _PersistentReader:
        """Return the reader of the stream."""
        return self._reader

    def sendall(self, data: bytes) -> None:
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

    def _deadline_exceeded(self) -> EngineError:
        return deadline_exceeded(self._deadline, self._received)

    def has_surplus(self) -> bool:
        """Return whether bytes follow the last answer: they would be taken for the next answer."""
        self._waits = False
        surplus = self._reader.peek(1)
        self._waits = True
        return bool(surplus)

    def close(self) -> None:
        """Do nothing: `http.client` closes its socket after some answers; see `disconnect`."""

    def disconnect(self) -> None:
        """Close the connection, and wake a thread that reads from it."""
        # A thread that waits for a socket does not notice that another thread closes it, but notices a shutdown.
        with contextlib.suppress(OSError, EOFError):
            self._connection.shutdown(2)
        with contextlib.suppress(OSError, EOFError):
            self._connection.close()


def deadline_exceeded(deadline: Deadline, received: int = 0) -> EngineError:
    """Build the error for a passed deadline, with the number of bytes received of the answer."""
    if received:
        within = f"within {deadline.seconds:.2g} s"
        message = f"Docker's answer was not complete {within} ({received:,} bytes had been received)"
        return EngineError(message)
    return EngineError(
        f"Docker gave no answer within {deadline.seconds:.2g} s "
        "(a running `docker builder prune` blocks every other command for that long and longer)"
    )
