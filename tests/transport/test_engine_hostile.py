"""Hostile engines: every answer ends in bounded time and memory, with its reason."""

from __future__ import annotations

import gzip
import json
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from olaudit.facts.containers import FIELDS
from olaudit.model import Answer, Answered, ContainerFields, EngineProbe, EngineVersion, Probe, Unanswered
from olaudit.transport import Deadline
from olaudit.transport.engine import Dial, ask_engine

SECONDS = 1.0
CONTAINERS = ContainerFields(FIELDS)
BOTH = (EngineVersion(), CONTAINERS)
VERSION = b'{"Version": "1"}'


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


Behaviour = Callable[[socket.socket, bytes], None]
"""Reaction of a server to a request, after it has read the head."""


@dataclass
class HostileServer:
    """Address of a listening socket, and the connections and requests it received."""

    address: tuple[str, int]
    connections: list[socket.socket] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)

    def dial(self, deadline: Deadline) -> socket.socket:
        return socket.create_connection(self.address, timeout=deadline.remaining())


@contextmanager
def hostile(behaviour: Behaviour) -> Iterator[HostileServer]:
    """Serve connections with `behaviour`, each in a separate thread, after the head of a request was read."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = HostileServer(listener.getsockname()[:2])

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while (head := connection.recv(65536)).endswith(b"\r\n\r\n"):
                server.requests.append(head)
                behaviour(connection, head)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                server.connections.append(connection)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in server.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def dripping(head: bytes, drop: bytes, seconds: float) -> Behaviour:
    """Send `head`, then `drop` repeatedly until the other side has closed."""

    def drip(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(drop)
            time.sleep(seconds)

    return drip


def sending(data: bytes) -> Behaviour:
    return lambda connection, _head: connection.sendall(data)


def engine_threads() -> int:
    return sum(thread.name.startswith("engine") for thread in threading.enumerate())


def ask(dial: Dial, seconds: float = SECONDS, *queries: EngineProbe) -> dict[Probe, Answer]:
    """Send the queries, and assert that the call ends in time and leaves no thread."""
    started = time.monotonic()
    answers = ask_engine(queries or BOTH, dial, Deadline.after(seconds), lambda: "")
    assert time.monotonic() - started < seconds + 3  # a busy machine is slow to start threads
    until = time.monotonic() + 2
    while engine_threads() and time.monotonic() < until:
        time.sleep(0.01)
    assert engine_threads() == 0
    return answers


def reasons(behaviour: Behaviour, seconds: float = SECONDS) -> set[str]:
    with hostile(behaviour) as server:
        answers = ask(server.dial, seconds).values()
    assert all(isinstance(answer, Unanswered) for answer in answers)
    return {answer.reason for answer in answers if isinstance(answer, Unanswered)}


START = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
INCOMPLETE = "Docker's answer was not complete within 1 s ("
SILENT = "Docker gave no answer within 1 s ("
TOO_LARGE = "Docker's answer was larger than 4 MiB"
BLOCK = bytes(1 << 16)

HOSTILE = {
    "silence": (dripping(b"", b"", 0.2), SILENT),
    "a drip of the status line": (dripping(b"HTTP/1.1 ", b"2", 0.3), INCOMPLETE),
    "a drip of headers": (dripping(START + b"X: ", b"y", 0.3), INCOMPLETE),
    "a drip of the body": (dripping(START + b"Content-Length: 999\r\n\r\n", b" ", 0.3), INCOMPLETE),
    "a drip of a body without length": (dripping(START + b"\r\n", b" ", 0.3), INCOMPLETE),
    "a drip of chunks": (dripping(START + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", 0.3), INCOMPLETE),
    "a drip of 100 Continue": (dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.3), INCOMPLETE),
    "a drip of trailers": (
        dripping(START + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n", 0.3),
        INCOMPLETE,
    ),
    "a flood of 100 Continue": (dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 999, 0), TOO_LARGE),
    "a flood of headers": (
        dripping(START, b"X: y\r\n" * 999, 0),
        "Docker's answer could not be parsed as HTTP: got",
    ),
    "an endless header": (dripping(START + b"X: ", BLOCK, 0), "Docker's answer could not be parsed as HTTP: got"),
    "an endless status line": (
        dripping(b"HTTP/1.1 200 ", BLOCK, 0),
        "Docker's answer could not be parsed as HTTP: got",
    ),
    "an endless body": (dripping(START + b"\r\n", BLOCK, 0), TOO_LARGE),
    "endless chunks": (
        dripping(START + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + BLOCK + b"\r\n", 0),
        TOO_LARGE,
    ),
    "a single endless chunk": (
        dripping(START + b"Transfer-Encoding: chunked\r\n\r\nfffffffffff\r\n", BLOCK, 0),
        TOO_LARGE,
    ),
    "endless trailers": (
        dripping(START + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 999, 0),
        TOO_LARGE,
    ),
    "a length of a terabyte": (sending(START + b"Content-Length: 1099511627776\r\n\r\n"), TOO_LARGE),
    "a negative chunk": (
        sending(START + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n"),
        "Docker's answer could not be parsed as HTTP: ",
    ),
    "two lengths": (
        sending(START + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} "),
        "Docker's answer could not be parsed as HTTP: it has several lengths",
    ),
    "not HTTP": (sending(b"SSH-2.0-OpenSSH\r\n"), "Docker's answer could not be parsed as HTTP: SSH-2.0-OpenSSH"),
    "an upgrade": (
        sending(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"),
        "Docker's engine answered with the unexpected interim status 101",
    ),
    "another transfer encoding": (
        sending(START + b"Transfer-Encoding: gzip, chunked\r\n\r\n"),
        "Docker's engine answered in the transfer encoding 'gzip, chunked', which is not decoded",
    ),
    "deep nesting": (sending(response(b"[" * 100_000)), "Docker's answer is nested deeper than 64 levels"),
    "deep nesting of objects": (
        sending(response(b'{"a":' * 65 + b"1" + b"}" * 65)),
        "Docker's answer is nested deeper than 64 levels",
    ),
    "very many values": (
        sending(response(b"[" + b"{}," * 200_000 + b"{}]")),
        "Docker's answer holds more than 150,000 values",
    ),
    "a number of 5000 digits": (
        sending(response(b'{"Version": ' + b"9" * 5000 + b"}")),
        "Docker's answer could not be parsed as JSON: Exceeds the limit",
    ),
    "NaN": (
        sending(response(b'{"Version": NaN}')),
        "Docker's answer could not be parsed as JSON: NaN is not a JSON number",
    ),
    "an infinite number": (
        sending(response(b'{"Version": 1e999}')),
        "Docker's answer could not be parsed as JSON: a number is too large",
    ),
    "not UTF-8": (
        sending(response(b'{"Version": "\xff"}')),
        "Docker's answer could not be parsed as JSON: 'utf-8'",
    ),
    "a deeply nested error response": (
        sending(response(b"[" * 100_000, status="500 x")),
        "Docker answered with HTTP status 500 ([[[",
    ),
    "an error response that is a list": (
        sending(response(b"[1]", status="403 x")),
        "Docker answered with HTTP status 403",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_engine_is_unanswered_in_time(name: str) -> None:
    behaviour, reason = HOSTILE[name]
    actual = reasons(
        behaviour, SECONDS if reason in (INCOMPLETE, SILENT) else 10
    )  # a slow machine needs time for a flood
    assert all(text.startswith(reason) for text in actual), actual


def test_truncated_body_is_a_broken_stream() -> None:
    def cut(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(START + b"Content-Length: 99\r\n\r\n{}")
        connection.shutdown(socket.SHUT_WR)

    assert "the stream to Docker broke: it ended after 2 of 99 bytes" in reasons(cut)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "x\u00e9"])
def test_compressed_answer_is_never_decoded(encoding: str) -> None:
    bomb = gzip.compress(gzip.compress(bytes(100 << 20), 9), 9)
    shown = encoding.encode().decode("latin-1")
    assert reasons(sending(response(bomb, f"Content-Encoding: {encoding}"))) == {
        f"Docker's engine answered in the encoding {shown!r}, which was not requested and is not decoded"
    }


def test_request_accepts_no_encoding() -> None:
    with hostile(sending(response(VERSION))) as server:
        assert isinstance(ask(server.dial, SECONDS, EngineVersion())[EngineVersion()], Answered)
    (request,) = server.requests
    assert b"\r\nAccept-Encoding: identity\r\n" in request
    assert b"gzip" not in request


@pytest.mark.parametrize("status", ["300", "301", "302", "303", "304", "307", "308"])
def test_redirect_is_not_followed(status: str) -> None:
    with hostile(sending(response(VERSION))) as elsewhere:
        host, port = elsewhere.address
        headers = (f"Location: http://{host}:{port}/version", "Set-Cookie: a=b; Domain=docker")
        actual = reasons(sending(response(b"", *headers, status=f"{status} Found")))
        assert elsewhere.connections == []
    assert actual == {f"Docker's engine answered with a redirect ({status}), which is never followed"}


def test_memory_is_bounded_for_hostile_answers() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name in (
        "endless chunks",
        "an endless body",
        "very many values",
        "a length of a terabyte",
        "deep nesting",
    ):
        reasons(HOSTILE[name][0], 10)
    rows = b"[" + b'{"a":{}},' * 49_000 + b"{}]"
    reasons(sending(response(rows)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000


def test_size_of_all_answers_is_bounded() -> None:
    """Each inspection alone is below the limit of one answer."""
    rows = [{"Id": f"{n}", "Names": [f"/{n}"]} for n in range(20)]
    listed, large = response(json.dumps(rows).encode()), response(b" " * (3 << 20) + b"{}")

    def behave(connection: socket.socket, head: bytes) -> None:
        connection.sendall(listed if b"/containers/json" in head else large)

    with hostile(behave) as flooding:
        answer = ask(flooding.dial, 5, CONTAINERS)[CONTAINERS]
    assert answer == Unanswered("Docker answered with more than 32 MiB in all")


# --- streams that are used again ---


def test_surplus_bytes_are_not_the_next_answer() -> None:
    """A second, different answer follows every answer, as in response smuggling."""
    forged = response(b"[]")
    rows = response(json.dumps([{"Id": "a", "Names": ["/a"]}]).encode())
    description = response(json.dumps({"Id": "a", "Name": "/a"}).encode())

    def behave(connection: socket.socket, head: bytes) -> None:
        connection.sendall((rows if b"/containers/json" in head else description) + forged)
        time.sleep(0.05)

    with hostile(behave) as surplus:
        answer = ask(surplus.dial, 5, CONTAINERS)[CONTAINERS]
        assert len(surplus.connections) == 2
    assert isinstance(answer, Answered)
    assert [container["Name"] for container in json.loads(answer.stdout)] == ["/a"]
    assert "Unreadable" not in answer.stdout


def test_stream_is_reused_for_several_requests() -> None:
    with hostile(sending(response(b"[]"))) as server:
        ask(server.dial, SECONDS, CONTAINERS)
        assert len(server.connections) == 1


def test_http_1_0_engine_answers() -> None:
    def close(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + VERSION)
        connection.shutdown(socket.SHUT_RDWR)

    with hostile(close) as server:
        assert ask(server.dial, SECONDS, EngineVersion()) == {EngineVersion(): Answered('{"Version": "1"}')}


def test_no_stream_is_dialled_after_a_broken_one() -> None:
    """The engine may be stopping, and another connection could start it. Threads may already be dialling."""
    rows = [{"Id": f"{n}", "Names": [f"/{n}"]} for n in range(60)]

    def behave(connection: socket.socket, head: bytes) -> None:
        if b"/containers/json" in head:
            connection.sendall(response(json.dumps(rows).encode()))
        connection.shutdown(socket.SHUT_RDWR)

    with hostile(behave) as server:
        answer = ask(server.dial, SECONDS, CONTAINERS)[CONTAINERS]
        assert len(server.connections) <= 1 + 8
    assert isinstance(answer, Answered)
    containers = json.loads(answer.stdout)
    assert all(container["Unreadable"].startswith("the stream to Docker broke: ") for container in containers)


# --- the auditor's configuration ---


@pytest.mark.parametrize("content", ['{"HttpHeaders": {"X-Secret": "s"}, "proxies": {"default": {}}}', "[1]", "{"])
def test_docker_configuration_of_the_auditor_is_not_used(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(content)
    (tmp_path / ".netrc").write_text("machine docker login a password s\n")
    for name in ("DOCKER_CONFIG", "http_proxy", "HTTP_PROXY", "all_proxy", "DOCKER_HOST"):
        monkeypatch.setenv(name, str(tmp_path / ".docker") if name == "DOCKER_CONFIG" else "http://127.0.0.1:9")
    monkeypatch.setenv("HOME", str(tmp_path))
    with hostile(sending(response(VERSION, "Set-Cookie: a=b"))) as server:
        assert isinstance(ask(server.dial, SECONDS, EngineVersion())[EngineVersion()], Answered)
    lines = ("GET /version HTTP/1.1", "Host: docker", "Accept-Encoding: identity", "Accept: application/json")
    assert server.requests == ["\r\n".join((*lines, "User-Agent: olaudit", "", "")).encode()]


# --- values ---


def test_lone_surrogate_and_duplicate_key_are_harmless() -> None:
    body = b'{"Version": "0", "Version": "\\ud800"}'
    with hostile(sending(response(body))) as server:
        answer = ask(server.dial, SECONDS, EngineVersion())[EngineVersion()]
    assert isinstance(answer, Answered)
    assert json.loads(answer.stdout) == {"Version": "\\ud800"}


@pytest.mark.parametrize("version", ["1.23", "../x", "1.41/../x", "", 1.41, None, "1" * 999])
def test_invalid_api_version_is_not_used(version: object) -> None:
    def behave(connection: socket.socket, head: bytes) -> None:
        if b" /version " in head:
            connection.sendall(response(json.dumps({"ApiVersion": version}).encode()))
        else:
            connection.sendall(response(b'{"message": "client version is too old"}', status="400 x"))

    with hostile(behave) as server:
        answer = ask(server.dial, SECONDS, CONTAINERS)[CONTAINERS]
    assert isinstance(answer, Unanswered)
    assert answer.reason.startswith("Docker's ")
    assert len(server.requests) == 2


def test_dial_that_never_connects_ends_at_the_deadline() -> None:
    """The engine accepts no connection: its queue is full."""

    def dial(deadline: Deadline) -> socket.socket:
        time.sleep(deadline.remaining() + 0.1)
        raise TimeoutError

    answers = ask(dial)
    assert {type(answer) for answer in answers.values()} == {Unanswered}
