"""Hostile Docker Engines: violations of HTTP."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import time
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from tests.faults.engines import Behaviour, Request, engine
from tests.faults.hosts import ENGINE
from tests.faults.peers import hold, listening
from tests.faults.row import AllOk, ExpectedFinding, ExpectedOutcome, Inject, Kind, Row, Target
from tests.faults.scene import ADDRESS, Scene

_MIB = 1 << 20


def _row(id_: str, title: str, expect: ExpectedOutcome, inject: Inject, **more: Any) -> Row:
    return Row(id_, title, Kind.ENGINE_BEHIND_SSHD, expect, inject, role="engine", **{"run": "engines", **more})


def _unknown(text: str, check: str = "docker.engine", other: str = "") -> ExpectedFinding:
    return ExpectedFinding(check, "unknown", text, ENGINE, other)


def _silent(text: str = "was not complete within") -> ExpectedFinding:
    return _unknown(text)


def _sends(data: bytes, *, close: bool = False) -> Behaviour:
    def behave(request: Request) -> None:
        request.send(data)
        if close:
            request.close()
        else:
            hold(request.connection)

    return behave


def _repeats(first: bytes, repeated: bytes, pause: float = 0.0) -> Behaviour:
    def behave(request: Request) -> None:
        request.send(first)
        for _ in itertools.count():
            request.send(repeated)
            time.sleep(pause)

    return behave


def _drips(request: Request) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n" * 20:
        request.send(bytes([byte]))
        time.sleep(0.5)


def _drips_body(request: Request) -> None:
    request.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        request.send(b" ")
        time.sleep(0.5)


def _replies(body: bytes | str, *headers: str, status: str = "200 OK") -> Behaviour:
    return lambda request: request.reply(body, *headers, status=status)


def _slow(request: Request) -> None:
    time.sleep(0.15)
    request.reply_normally()


@cache
def _bomb(levels: int) -> bytes:
    """Compress 1 GiB of spaces to a megabyte, or less with more levels."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = b"".join([*(compressor.compress(b" " * _MIB) for _ in range(1024)), compressor.flush()])
    for _ in range(levels - 1):
        data = gzip.compress(data)
    return data


def _bombs(levels: int) -> Inject:
    encoding = f"Content-Encoding: {', '.join(['gzip'] * levels)}"

    def inject(scene: Scene) -> AbstractContextManager[Target]:
        bomb = _bomb(levels)
        return engine(lambda request: request.reply(bomb, encoding))(scene)

    return inject


@contextlib.contextmanager
def _redirects(scene: Scene) -> Iterator[Target]:
    """Redirect to an HTTP server on loopback, which must not receive a connection."""
    name = scene.id
    connections: list[object] = []
    with listening(lambda connection, _: connections.append(connection), scene) as port:
        location = f"Location: http://{ADDRESS}:{port}/elsewhere"
        with engine(_replies("", location, status="302 Found"))(scene) as target:
            yield target
    if connections:
        scene.violations.append((name, "the audit followed the redirect"))


_TLS_ALERT = b"\x15\x03\x01\x00\x02\x02\x46"

ROWS: tuple[Row, ...] = (
    _row(
        "engine-silent",
        "The engine accepts connections and never answers",
        _silent("no answer within"),
        engine(lambda request: hold(request.connection)),
    ),
    _row("engine-drip", "The engine answers one byte each half second", _silent(), engine(_drips)),
    _row(
        "engine-body-drip", "The engine's body arrives one byte each half second", _silent(), engine(_drips_body)
    ),
    _row(
        "engine-headers-endless",
        "The engine sends headers without end",
        _unknown("header"),
        engine(_repeats(b"HTTP/1.1 200 OK\r\n", b"X-Header: x\r\n" * 100)),
    ),
    _row(
        "engine-headers-drip",
        "The engine sends a header each half second",
        _silent(),
        engine(_repeats(b"HTTP/1.1 200 OK\r\n", b"X-Header: x\r\n", 0.5)),
    ),
    _row(
        "engine-header-line-endless",
        "The engine sends a header line without end",
        _unknown("line"),
        engine(_repeats(b"HTTP/1.1 200 OK\r\nX-Header: ", b"x" * 65536)),
    ),
    _row(
        "engine-continue-endless",
        "The engine sends 100 Continue without end",
        _unknown("larger than 4 MiB", other="was not complete within"),  # the deadline, on a slow machine
        engine(_repeats(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)),
    ),
    _row(
        "engine-continue-drip",
        "The engine sends 100 Continue each half second",
        _silent(),
        engine(_repeats(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.5)),
    ),
    _row(
        "engine-chunks-endless",
        "The engine sends chunks without end",
        _unknown("MiB"),
        engine(
            _repeats(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"4000\r\n" + b" " * 0x4000 + b"\r\n"
            )
        ),
    ),
    _row(
        "engine-chunks-drip",
        "The engine sends a chunk of one byte each half second",
        _silent(),
        engine(_repeats(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", 0.5)),
    ),
    _row(
        "engine-chunk-garbage",
        "The engine sends chunks whose size is not a number",
        _unknown("the stream to Docker broke"),
        engine(_sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")),
    ),
    _row(
        "engine-body-endless",
        "The engine sends a body without end",
        _unknown("MiB"),
        engine(_repeats(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536)),
    ),
    _row(
        "engine-body-short",
        "The engine closes before the announced end of the body",
        _unknown("it ended after 1 of 1000 bytes"),
        engine(_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", close=True)),
    ),
    _row(
        "engine-length-negative",
        "The engine announces a body of -1 bytes",
        _unknown("could not be parsed"),
        engine(_sends(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", close=True)),
    ),
    _row(
        "engine-length-huge",
        "The engine announces a body of 10 TB",
        _unknown("larger than 4 MiB"),
        engine(_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000000\r\n\r\n{")),
    ),
    _row(
        "engine-gzip-bomb",
        "The engine answers with a gzip bomb of 1 GiB",
        _unknown("the encoding 'gzip', which was not requested"),
        _bombs(1),
        run="bombs",
        slow=True,
    ),
    _row(
        "engine-gzip-twice",
        "The engine answers with a gzip bomb in gzip",
        _unknown("which was not requested"),
        _bombs(2),
        run="bombs",
        slow=True,
    ),
    _row(
        "engine-encoding-garbage",
        "The engine announces gzip and sends garbage",
        _unknown("the encoding 'gzip', which was not requested"),
        engine(_replies(b"not gzip", "Content-Encoding: gzip")),
    ),
    _row("engine-redirect", "The engine redirects to another address", _unknown("302"), _redirects),
    _row(
        "engine-redirect-endless",
        "The engine redirects to itself without end",
        _unknown("301"),
        engine(_replies("", "Location: /version", status="301 Moved Permanently")),
    ),
    _row(
        "engine-upgrade",
        "The engine switches protocols",
        _unknown("interim status 101"),
        engine(_sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n")),
    ),
    _row(
        "engine-http-0.9",
        "The engine answers without a status line",
        _unknown("could not be parsed as HTTP"),
        engine(_sends(b"<html>It works!</html>", close=True)),
    ),
    _row(
        "engine-http-2",
        "The engine answers in HTTP/2",
        _unknown("could not be parsed as HTTP"),
        engine(_sends(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", close=True)),
    ),
    _row(
        "engine-tls",
        "The engine answers in TLS",
        _unknown("could not be parsed as HTTP"),
        engine(_sends(_TLS_ALERT, close=True)),
    ),
    _row(
        "engine-closes",
        "The engine closes each connection immediately",
        _unknown("broke"),
        engine(lambda request: request.close()),
    ),
    _row("engine-slow", "The engine takes 0.15 s for each answer", AllOk(), engine(_slow)),
)
