"""Hostile and odd Docker Engines, and sockets without one."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import time
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from tests.faults.engines import DAEMON, Behaviour, Request, engine
from tests.faults.hosts import ENGINE, without
from tests.faults.peers import hold, listening
from tests.faults.row import Expectation, Finds, Inject, Kind, Passes, Row, Target
from tests.faults.scene import ADDRESS, CONTAINER, Scene
from tests.faults.sshd import real

_PLENTY = 1 << 20


def _row(id_: str, title: str, expect: Expectation, inject: Inject, **more: Any) -> Row:
    return Row(id_, title, Kind.ENGINE_BEHIND_SSHD, expect, inject, role="engine", **{"run": "engines", **more})


def _unknown(text: str, check: str = "docker.engine") -> Finds:
    return Finds(check, "unknown", text, ENGINE)


def _silent(text: str = "no answer") -> Finds:
    return _unknown(text)


# --- how HTTP is spoken ----------------------------------------------------------------------------------------


def _sends(data: bytes, *, close: bool = False) -> Behaviour:
    def behave(request: Request) -> None:
        request.send(data)
        if close:
            request.connection.close()
        else:
            hold(request.connection)

    return behave


def _repeats(first: bytes, again: bytes, pause: float = 0.0) -> Behaviour:
    def behave(request: Request) -> None:
        request.send(first)
        for _ in itertools.count():
            request.send(again)
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
    request.well()


@cache
def _bomb(levels: int) -> bytes:
    """Compress 1 GiB of spaces to a megabyte, or less with more levels."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = b"".join([*(packer.compress(b" " * _PLENTY) for _ in range(1024)), packer.flush()])
    for _ in range(levels - 1):
        data = gzip.compress(data)
    return data


def _bombs(levels: int) -> Behaviour:
    encoding = f"Content-Encoding: {', '.join(['gzip'] * levels)}"
    return lambda request: request.reply(_bomb(levels), encoding)


@contextlib.contextmanager
def _redirects(scene: Scene) -> Iterator[Target]:
    """Redirect to an HTTP server on loopback, which must see no connection."""
    name = scene.id
    seen: list[object] = []
    with listening(lambda connection, _: seen.append(connection), scene) as port:
        location = f"Location: http://{ADDRESS}:{port}/elsewhere"
        with engine(_replies("", location, status="302 Found"))(scene) as target:
            yield target
    if seen:
        scene.violations.append((name, "the audit followed the redirect"))


_TLS_ALERT = b"\x15\x03\x01\x00\x02\x02\x46"

_HTTP = (
    _row(
        "engine-silent",
        "The engine accepts connections and never answers",
        _silent("no answer within"),
        engine(lambda request: hold(request.connection)),
    ),
    _row("engine-drip", "The engine answers a byte each half second", _silent(), engine(_drips)),
    _row("engine-body-drip", "The engine's body comes a byte each half second", _silent(), engine(_drips_body)),
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
        _unknown(""),
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
        "The engine sends a chunk of a byte each half second",
        _silent(),
        engine(_repeats(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", 0.5)),
    ),
    _row(
        "engine-chunk-garbage",
        "The engine sends chunks whose size is not a number",
        _unknown(""),
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
        _unknown(""),
        engine(_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", close=True)),
    ),
    _row(
        "engine-length-negative",
        "The engine announces a body of -1 bytes",
        _unknown(""),
        engine(_sends(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", close=True)),
    ),
    _row(
        "engine-length-huge",
        "The engine announces a body of 10 TB",
        _unknown(""),
        engine(_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000000\r\n\r\n{")),
    ),
    _row(
        "engine-gzip-bomb",
        "The engine answers with a gzip bomb of 1 GiB",
        _unknown(""),
        engine(_bombs(1)),
        run="bombs", slow=True,
    ),
    _row(
        "engine-gzip-twice",
        "The engine answers with a gzip bomb in gzip",
        _unknown(""),
        engine(_bombs(2)),
        run="bombs", slow=True,
    ),
    _row(
        "engine-encoding-garbage",
        "The engine announces gzip and sends garbage",
        _unknown(""),
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
        _unknown(""),
        engine(_sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n")),
    ),
    _row(
        "engine-http-0.9",
        "The engine answers without a status line",
        _unknown(""),
        engine(_sends(b"<html>It works!</html>", close=True)),
    ),
    _row(
        "engine-http-2",
        "The engine speaks HTTP/2",
        _unknown(""),
        engine(_sends(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", close=True)),
    ),
    _row("engine-tls", "The engine speaks TLS", _unknown(""), engine(_sends(_TLS_ALERT, close=True))),
    _row(
        "engine-closes",
        "The engine closes each connection at once",
        _unknown("broke"),
        engine(lambda request: request.connection.close()),
    ),
    _row("engine-slow", "The engine takes 0.15 s for each answer", Passes(), engine(_slow)),
)

# --- what is answered ------------------------------------------------------------------------------------------

_OTHER = "f" * 64


def _lists(content: Any) -> Behaviour:
    """Answer the list of containers with `content`, all else well."""

    def behave(request: Request) -> None:
        if request.asks("/containers/json"):
            request.reply(content if isinstance(content, str | bytes) else json.dumps(content))
        else:
            request.well()

    return behave


def _inspects(answer: Callable[[Request], None]) -> Behaviour:
    def behave(request: Request) -> None:
        if request.inspects and request.asks("/containers/"):
            answer(request)
        else:
            request.well()

    return behave


def _changed(**changes: Any) -> Behaviour:
    return _inspects(lambda request: request.json({**request.containers[0], **changes}))


def _listed(**changes: Any) -> dict[str, Any]:
    return {"Id": _OTHER, "Names": [f"/{CONTAINER}"], "Labels": {}, "State": "running", **changes}


def _refuses_versions(request: Request) -> None:
    if request.asks("/version"):
        request.json({"Version": "99", "ApiVersion": "9.99", "MinAPIVersion": "9.99"})
    else:
        message = "client version 9.99 is too new. Maximum supported API version is 9.98"
        request.json({"message": message}, "400 Bad Request")


def _many(request: Request) -> None:
    if request.asks("/containers/json"):
        request.json([_listed(Id=f"{number:064x}", Names=[f"/c{number}"]) for number in range(100_000)])
    elif request.inspects and request.asks("/containers/"):
        request.json(None)
    else:
        request.well()


_DEEP = "[" * 200_000 + "]" * 200_000
_SECRET = json.dumps({"message": "\ud800\x1b[2J password=hunter2"})
_CONTAINERS = "container.missing"
_STATE = "container.state"

_CONTENTS = (
    _row(
        "engine-html",
        "The engine answers with HTML",
        _unknown(""),
        engine(_replies("<html>502 Bad Gateway</html>")),
    ),
    _row(
        "engine-error",
        "The engine answers each request with an error that holds a surrogate and escapes",
        _unknown("hunter2"),
        engine(_replies(_SECRET, status="500 Internal Server Error")),
    ),
    _row(
        "engine-forbidden",
        "An authorization plugin refuses each request",
        _unknown("denied by plugin"),
        engine(_replies('{"message": "authorization denied by plugin"}', status="403 Forbidden")),
    ),
    _row(
        "engine-json-deep", "The engine answers with JSON of 200,000 levels", _unknown(""), engine(_replies(_DEEP))
    ),
    _row(
        "engine-json-number",
        "The engine answers with a number of 100,000 digits",
        _unknown(""),
        engine(_replies("9" * 100_000)),
    ),
    _row(
        "engine-json-broken",
        "The engine answers with half a JSON document",
        _unknown(""),
        engine(_replies('{"Version": "2')),
    ),
    _row(
        "engine-json-utf-16",
        "The engine answers in UTF-16",
        _unknown(""),
        engine(_replies('{"Version": 1}'.encode("utf-16"))),
    ),
    _row("engine-json-null", "The engine answers each request with null", _unknown(""), engine(_replies("null"))),
    _row(
        "engine-versions",
        "The engine refuses every API version",
        Finds(_CONTAINERS, "unknown", "version", ENGINE),
        engine(_refuses_versions),
    ),
    _row(
        "containers-null",
        "The list of containers is null",
        Finds(_CONTAINERS, "unknown", "", ENGINE),
        engine(_lists(None)),
    ),
    _row(
        "containers-object",
        "The list of containers is an object",
        Finds(_CONTAINERS, "unknown", "", ENGINE),
        engine(_lists({})),
    ),
    _row(
        "containers-odd",
        "The list of containers holds numbers and null",
        Finds(_CONTAINERS, "unknown", "", ENGINE),
        engine(_lists([1, None, "x", []])),
    ),
    _row(
        "containers-deep",
        "The list of containers has 200,000 levels",
        Finds(_CONTAINERS, "unknown", "", ENGINE),
        engine(_lists(_DEEP)),
    ),
    _row(
        "containers-many",
        "The engine lists 100,000 containers",
        Finds(_CONTAINERS, "unknown", "", ENGINE),
        engine(_many),
        run="bombs", slow=True,
    ),
    _row(
        "container-null",
        "A listed container is inspected as null",
        Finds(_STATE, "unknown", "", ENGINE),
        engine(_inspects(lambda request: request.json(None))),
    ),
    _row(
        "container-empty",
        "A listed container is inspected as {}",
        Finds(_STATE, "unknown", "", ENGINE),
        engine(_inspects(lambda request: request.json({}))),
    ),
    _row(
        "container-gone",
        "A listed container is not found",
        Finds(_STATE, "unknown", "", ENGINE),
        engine(_inspects(lambda request: request.json({"message": "No such container"}, "404 Not Found"))),
    ),
    _row(
        "container-silent",
        "A listed container is never inspected to the end",
        Finds(_STATE, "unknown", "", ENGINE),
        engine(_inspects(lambda request: hold(request.connection))),
    ),
    _row(
        "container-other",
        "A listed container is inspected as another",
        Finds(_STATE, "unknown", "", ENGINE),
        engine(_changed(Id=_OTHER, Name="/other")),
    ),
    _row(
        "container-state-odd",
        "The state of a container is a list",
        Finds(_STATE, "unknown", "", ENGINE),
        engine(_changed(State=[])),
    ),
    _row(
        "container-name-surrogate",
        "The name of a container is a lone surrogate",
        Finds("container.name", "drift", "\\ud800", ENGINE),
        engine(_changed(Name="/\ud800")),
    ),
    _row(
        "containers-twins",
        "Two containers have the same name",
        Finds("container.unexpected", "drift", CONTAINER, ENGINE),
        engine(lambda request: _twins(request)),
    ),
)


def _twins(request: Request) -> None:
    first = request.containers[0]
    if request.asks("/containers/json"):
        request.json([_listed(Id=first["Id"]), _listed()])
    elif request.inspects and request.asks(f"/containers/{_OTHER}"):
        request.json({**first, "Id": _OTHER})
    else:
        request.well()


# --- the socket ------------------------------------------------------------------------------------------------

_NO_COMMAND = "mount -t tmpfs none /usr/local/bin\n" + without("docker").replace("rm ", "rm -f ")
_SOCKET = "/run/docker.sock"
_NO_FORWARDING = "AllowStreamLocalForwarding no"

_SOCKETS = (
    _row(
        "docker-absent",
        "Docker is not installed",
        Finds("docker.engine", "drift", "no Docker Engine runs", ENGINE),
        real(setup=_NO_COMMAND),
    ),
    _row(
        "docker-stopped",
        "The socket listens, and no engine runs",
        Finds("docker.engine", "drift", "not", ENGINE),
        engine(lambda request: request.well(), setup="", contacted=False),
    ),
    _row(
        "docker-hidden",
        "Processes of other users are hidden (hidepid)",
        _unknown(""),
        engine(
            lambda request: request.well(), setup=f"{DAEMON}mount -o remount,hidepid=2 /proc\n", contacted=False
        ),
    ),
    _row("socket-missing", "The engine runs, and its socket does not exist", _unknown(""), real(setup=DAEMON)),
    _row(
        "socket-dead",
        "The socket exists, and no process listens",
        _unknown(""),
        real(
            setup=f"{DAEMON}python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('{_SOCKET}')\"; chmod 666 {_SOCKET}"
        ),
    ),
    _row("socket-fifo", "The socket is a FIFO", _unknown(""), real(setup=f"{DAEMON}mkfifo -m 666 {_SOCKET}")),
    _row("socket-folder", "The socket is a directory", _unknown(""), real(setup=f"{DAEMON}mkdir {_SOCKET}")),
    _row(
        "socket-closed",
        "The user may not connect to the socket",
        _unknown("docker group"),
        real(
            setup=f"{DAEMON}python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('{_SOCKET}')\"; chmod 600 {_SOCKET}"
        ),
    ),
    _row(
        "forwarding-off",
        "sshd forwards no sockets, the docker command is there",
        Passes(),
        engine(lambda request: request.well(), _NO_FORWARDING),
    ),
    _row(
        "forwarding-off-no-command",
        "sshd forwards no sockets, and there is no docker command",
        _unknown("nor a docker command"),
        engine(lambda request: request.well(), _NO_FORWARDING, setup=DAEMON + _NO_COMMAND),
    ),
    _row(
        "forwarding-off-silent",
        "sshd forwards no sockets, the docker command hangs",
        _silent("no answer within"),
        engine(lambda request: hold(request.connection), _NO_FORWARDING),
    ),
    _row(
        "engine-sessions-one",
        "MaxSessions is 1 beside an engine",
        Passes(),
        engine(lambda request: request.well(), "MaxSessions 1"),
    ),
)

ROWS: tuple[Row, ...] = (*_HTTP, *_CONTENTS, *_SOCKETS)
