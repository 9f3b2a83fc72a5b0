"""HTTP over dialled streams: GET requests only, one at a time per stream, without redirects.

`http.client` parses the answers. It decodes nothing, follows nothing, and reads from the bounded stream only.
Endless headers, `100 Continue`, chunks and bodies therefore end at the deadline or at the size limit.
"""

import contextlib
import http.client
import threading
from http import HTTPStatus

from olaudit.transport import Deadline
from olaudit.transport.engine.errors import BrokenStream, InvalidAnswer
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


def _request(stream: BoundedStream, target: str) -> tuple[int, bytes, bool]:
    """Send `GET target` and read the complete answer: status, body, and whether the stream stays open."""
    http_connection = http.client.HTTPConnection("docker")
    http_connection.sock = stream
    try:
        http_connection.request("GET", target, headers=_HEADERS)  # with Accept-Encoding: identity
        response = http_connection.getresponse()
        _check_framing(response)
        body = _read_body(response)
    except (http.client.IncompleteRead, http.client.RemoteDisconnected, OSError, EOFError) as error:
        raise BrokenStream(f"the stream to Docker broke: {describe_error(error)}") from None
    except (http.client.HTTPException, ValueError) as error:
        raise InvalidAnswer(f"Docker's answer could not be parsed as HTTP: {describe_error(error)}") from None
    return response.status, body, not response.will_close


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
        self._idle: list[BoundedStream] = []
        self._open: set[BoundedStream] = set()
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
        stream = self._take_idle() or self._dial_stream()
        reusable = False
        try:
            status, body, reusable = _request(stream, target)
        except BrokenStream as error:
            self._failure = error
            raise
        finally:
            with self._lock:
                if keep := reusable and not self._closed:
                    self._idle.append(stream)
            if not keep:
                self._discard(stream)
        return status, body

    def _take_idle(self) -> BoundedStream | None:
        while True:
            with self._lock:
                stream = self._idle.pop() if self._idle else None
            if stream is None:
                return None
            with contextlib.suppress(OSError, EOFError, InvalidAnswer):
                surplus = stream.has_surplus()
                if stream.ended:
                    self._failure = BrokenStream("the stream to Docker broke: it was closed between two answers")
                elif not surplus:
                    return stream
            self._discard(stream)

    def _dial_stream(self) -> BoundedStream:
        if self._failure:
            raise BrokenStream(str(self._failure))
        try:
            stream = BoundedStream(self._dial(self._deadline), self._deadline, self._budget)
        except (OSError, EOFError) as error:
            raise BrokenStream(f"the stream to Docker broke: {describe_error(error)}") from None
        with self._lock:
            self._open.add(stream)
            closed = self._closed
        if closed:  # while it was dialled
            self._discard(stream)
            raise BrokenStream("the stream to Docker broke: the auditor closed it")
        return stream

    def _discard(self, stream: BoundedStream) -> None:
        with self._lock:
            self._open.discard(stream)
        stream.disconnect()

    def close(self) -> None:
        """Close all streams, including those in use: the threads that use them end soon after."""
        with self._lock:
            self._closed = True
            streams = [*self._open]
        for stream in streams:
            stream.disconnect()
