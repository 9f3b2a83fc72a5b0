"""HTTP over dialled streams: GET requests only, one at a time per stream, without redirects.

`http.client` parses the answers. It decodes nothing, follows nothing, and reads from the bounded stream only.
Endless headers, `100 Continue`, chunks and bodies therefore end at the deadline or at the size limit.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
from http import HTTPStatus

from olaudit.transport import Deadline
from olaudit.transport.engine.errors import BrokenStream, EngineError, InvalidAnswer
from olaudit.transport.engine.stream import (
    ANSWER_BYTES,
    HOST_BYTES,
    BoundedStream,
    ByteBudget,
    Dial,
    deadline_exceeded,
)
from olaudit.transport.reasons import describe_error, single_line

_HEADERS = {"Accept": "application/json", "User-Agent": "olaudit"}
_CHUNK_BYTES = 1 << 16

MAX_STREAMS = 8
"""Most streams to one engine. Where each is a session, a server with `MaxSessions 10` also opens the batch's."""


class EngineConnection:
    """One stream to the engine, for successive requests."""

    def __init__(self, stream: BoundedStream) -> None:
        self.stream = stream
        self.reusable = True

    def get(self, target: str) -> tuple[int, bytes]:
        """Send `GET target` and read the complete answer: its status and body. Raises EngineError."""
        self.reusable = False
        http_connection = http.client.HTTPConnection("docker")
        http_connection.sock = self.stream
        try:
            http_connection.request("GET", target, headers=_HEADERS)  # with Accept-Encoding: identity
            response = http_connection.getresponse()
            _check_framing(response)
            body = _read_body(response)
        except (http.client.IncompleteRead, http.client.RemoteDisconnected, OSError, EOFError) as error:
            raise BrokenStream(f"the stream to Docker broke: {describe_error(error)}") from None
        except (http.client.HTTPException, ValueError) as error:
            reason = f"Docker's answer could not be parsed as HTTP: {describe_error(error)}"
            raise InvalidAnswer(reason) from None
        self.reusable = not response.will_close
        return response.status, body


def _check_framing(response: http.client.HTTPResponse) -> None:
    """Reject redirects, encodings that are not decoded, and ambiguous lengths. Raises InvalidAnswer."""
    status = response.status
    if status < HTTPStatus.OK:
        raise InvalidAnswer(f"Docker's engine answered with the unexpected interim status {status}")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise InvalidAnswer(f"Docker's engine answered with a redirect ({status}), which is never followed")
    headers = response.headers
    if (encoding := single_line(headers.get("Content-Encoding", "identity"), 40)).lower() != "identity":
        reason = f"Docker's engine answered in the encoding {encoding!r}, which was not requested"
        raise InvalidAnswer(f"{reason} and is not decoded")
    if headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
        transfer_encoding = single_line(headers["Transfer-Encoding"], 40)
        raise InvalidAnswer(
            f"Docker's engine answered in the transfer encoding {transfer_encoding!r}, which is not decoded"
        )
    if len(set(headers.get_all("Content-Length", []))) > 1:
        raise InvalidAnswer("Docker's answer could not be parsed as HTTP: it has several lengths")


def _read_body(response: http.client.HTTPResponse) -> bytes:
    """Read the body in chunks, so that a false length does not allocate memory. Raises InvalidAnswer."""
    if (response.length or 0) > ANSWER_BYTES:
        raise InvalidAnswer(f"Docker's answer was larger than {ANSWER_BYTES >> 20} MiB")
    body = b"".join(iter(lambda: response.read(_CHUNK_BYTES), b""))
    if response.length:
        expected = len(body) + response.length
        raise BrokenStream(f"the stream to Docker broke: it ended after {len(body)} of {expected} bytes")
    return body


class StreamPool:
    """Streams to one engine, at most `MAX_STREAMS`. As many are open as threads send requests at the same time.

    A stream that breaks may mean that the engine is stopping; another connection would start it again
    where systemd listens for it. So no further stream is dialled after that.
    """

    def __init__(self, dial: Dial, deadline: Deadline) -> None:
        self._dial = dial
        self._deadline = deadline
        self._budget = ByteBudget(HOST_BYTES, f"Docker answered with more than {HOST_BYTES >> 20} MiB in all")
        self._slots = threading.Semaphore(MAX_STREAMS)
        self._lock = threading.Lock()
        self._idle: list[EngineConnection] = []
        self._open: set[EngineConnection] = set()
        self._closed = False
        self._failure: BrokenStream | None = None

    def get(self, target: str) -> tuple[int, bytes]:
        """Send `GET target` over an idle stream, or over a new one; return status and body. Raises EngineError."""
        if not self._slots.acquire(timeout=self._deadline.remaining()):
            raise deadline_exceeded(self._deadline)
        try:
            return self._get(target)
        finally:
            self._slots.release()

    def _get(self, target: str) -> tuple[int, bytes]:
        connection = self._take_idle() or self._dial_connection()
        try:
            return connection.get(target)
        except BrokenStream as error:
            self._failure = error
            raise
        finally:
            with self._lock:
                if keep := connection.reusable and not self._closed:
                    self._idle.append(connection)
            if not keep:
                self._discard(connection)

    def _take_idle(self) -> EngineConnection | None:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return None
            with contextlib.suppress(OSError, EOFError, InvalidAnswer):
                surplus = connection.stream.has_surplus()
                if connection.stream.ended:
                    message = "the stream to Docker broke: it was closed between two answers"
                    self._failure = BrokenStream(message)
                elif not surplus:
                    return connection
            self._discard(connection)

    def _dial_connection(self) -> EngineConnection:
        if self._failure:
            raise BrokenStream(str(self._failure))
        try:
            dialled = self._dial(self._deadline)
        except EngineError:
            raise
        except (OSError, EOFError) as error:
            raise BrokenStream(f"the stream to Docker broke: {describe_error(error)}") from None
        connection = EngineConnection(BoundedStream(dialled, self._deadline, self._budget))
        with self._lock:
            self._open.add(connection)
            closed = self._closed
        if closed:  # while it was dialled
            self._discard(connection)
            raise BrokenStream("the stream to Docker broke: the auditor closed it")
        return connection

    def _discard(self, connection: EngineConnection) -> None:
        with self._lock:
            self._open.discard(connection)
        connection.stream.disconnect()

    def close(self) -> None:
        """Close all streams, including those in use: the threads that use them end soon after."""
        with self._lock:
            self._closed = True
            connections = [*self._open]
            self._open.clear()
            self._idle.clear()
        for connection in connections:
            connection.stream.disconnect()
