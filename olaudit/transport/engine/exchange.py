"""HTTP over dialled streams: one request and its whole answer at a time, GET alone, without redirects.

`http.client` reads the answers. It decodes nothing, follows nothing, and reads from the bounded stream alone, so
that endless headers, `100 Continue`, chunks and bodies all end at the stream's deadline or size.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from olaudit.transport import Deadline
from olaudit.transport.engine.errors import BadAnswer, NoEngine, OutOfTime, StreamBroke, one_line
from olaudit.transport.engine.stream import ANSWER_BYTES, Budget, Dial, Stream

_HEADERS = {"Accept": "application/json", "User-Agent": "olaudit"}
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A complete answer."""

    status: int
    body: bytes


class _Reader(io.BufferedReader):
    """What `http.client` reads from. It survives the answers, so that surplus bytes after one are noticed."""

    def close(self) -> None:
        """Stay open: `http.client` closes its file at the end of every answer."""


class _Wire:
    """The socket that `http.client` knows."""

    def __init__(self, stream: Stream, reader: _Reader) -> None:
        self._stream = stream
        self._reader = reader

    def sendall(self, data: bytes) -> None:
        """Send all of `data`."""
        self._stream.send(data)

    def makefile(self, *_args: str) -> _Reader:
        """Give the one reader there is."""
        return self._reader

    def close(self) -> None:
        """Stay open: `Connection` decides when a stream is closed."""


class Connection:
    """One stream to the engine, for one request after another."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._reader = _Reader(stream, _PIECE)
        self.reusable = True

    def get(self, target: str) -> HttpAnswer:
        """Send `GET target` and read the whole answer."""
        self.reusable = False
        http_connection = http.client.HTTPConnection("docker")
        http_connection.sock = _Wire(self.stream, self._reader)  # as much of a socket as is used
        try:
            http_connection.request("GET", target, headers=_HEADERS)  # with Accept-Encoding: identity
            response = http_connection.getresponse()
            _check_framing(response)
            body = _body(response)
        except (http.client.IncompleteRead, http.client.RemoteDisconnected, OSError, EOFError) as error:
            raise StreamBroke(f"the stream to Docker broke: {one_line(error)}") from None
        except (http.client.HTTPException, ValueError) as error:
            reason = f"Docker's answer could not be parsed as HTTP: {one_line(error)}"
            raise BadAnswer(reason) from None
        self.reusable = not response.will_close
        return HttpAnswer(response.status, body)

    def silent(self) -> bool:
        """Whether the stream holds no bytes beyond the last answer: these would be taken for the next answer."""
        with self.stream.not_waiting():
            return not self._reader.peek(1)


def _check_framing(response: http.client.HTTPResponse) -> None:
    """Refuse what is not followed, not decoded, or ambiguous about where the answer ends."""
    status = response.status
    if status < HTTPStatus.OK:
        raise BadAnswer(f"Docker's engine answered with the interim status {status}, which was not asked for")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise BadAnswer(f"Docker's engine answered with a redirect ({status}), which is never followed")
    headers = response.headers
    if (encoding := one_line(headers.get("Content-Encoding", "identity"))).lower() != "identity":
        reason = f"Docker's engine answered in the encoding {encoding[:40]}, which was not asked for"
        raise BadAnswer(f"{reason} and is not decoded")
    if headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
        raise BadAnswer(
            f"Docker's engine answered in the transfer encoding {one_line(headers['Transfer-Encoding'])[:40]}, "
            "which is not decoded"
        )
    if len(set(headers.get_all("Content-Length", []))) > 1:
        raise BadAnswer("Docker's answer could not be parsed as HTTP: it has several lengths")


def _body(response: http.client.HTTPResponse) -> bytes:
    """Read the body in pieces: a length that is a lie must not allocate memory."""
    if (response.length or 0) > ANSWER_BYTES:
        raise BadAnswer(f"Docker's answer was larger than {ANSWER_BYTES >> 20} MiB")
    body = b"".join(iter(lambda: response.read(_PIECE), b""))
    if response.length:
        expected = len(body) + response.length
        raise StreamBroke(f"the stream to Docker broke: it ended after {len(body)} of {expected} bytes")
    return body


class Streams:
    """The streams to one engine. As many are open as there are threads that ask at the same time.

    A stream that breaks may mean that the engine is being stopped; dialling again would then start it
    where systemd listens for it. So no further stream is dialled after that.
    """

    def __init__(self, dial: Dial, deadline: Deadline) -> None:
        self._dial = dial
        self._deadline = deadline
        self._budget = Budget()
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._closed = False
        self._broke: StreamBroke | None = None

    def get(self, target: str) -> HttpAnswer:
        """Ask over a stream of its own."""
        with self._lent() as connection:
            return connection.get(target)

    @contextmanager
    def _lent(self) -> Iterator[Connection]:
        connection = self._idle_connection() or self._dialled()
        try:
            yield connection
        except StreamBroke as error:
            self._broke = error
            raise
        finally:
            with self._lock:
                if keep := connection.reusable and not self._closed:
                    self._idle.append(connection)
            if not keep:
                self._drop(connection)

    def _idle_connection(self) -> Connection | None:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return None
            with contextlib.suppress(OSError, EOFError, BadAnswer):
                silent = connection.silent()
                if connection.stream.ended:
                    self._broke = StreamBroke("the stream to Docker broke: it was closed between two answers")
                elif silent:
                    return connection
            self._drop(connection)

    def _dialled(self) -> Connection:
        if self._broke:
            raise StreamBroke(str(self._broke))
        try:
            dialled = self._dial(self._deadline)
        except (NoEngine, OutOfTime):
            raise
        except (OSError, EOFError) as error:
            raise StreamBroke(f"the stream to Docker broke: {one_line(error)}") from None
        connection = Connection(Stream(dialled, self._deadline, self._budget))
        with self._lock:
            self._open.add(connection)
            closed = self._closed
        if closed:  # while it was dialled
            self._drop(connection)
            raise StreamBroke("the stream to Docker broke: it was closed here")
        return connection

    def _drop(self, connection: Connection) -> None:
        with self._lock:
            self._open.discard(connection)
        connection.stream.hang_up()

    def close(self) -> None:
        """Close all streams, those in use included: their threads end soon after."""
        with self._lock:
            self._closed = True
            connections = [*self._open]
            self._open.clear()
            self._idle.clear()
        for connection in connections:
            connection.stream.hang_up()
