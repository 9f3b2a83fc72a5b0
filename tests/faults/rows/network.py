"""Faults before the login: names, TCP, banners and key exchanges of hostile peers."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

from tests.faults.peers import BANNER, hold, kexinit, packet, peer, text
from tests.faults.row import ExpectedOutcome, Inject, Kind, OneOf, Row, Target, Unreachable
from tests.faults.scene import ADDRESS, Scene
from tests.transport.sshd import free_port

_GREETING = Unreachable("timeout", "greeting")
_EXCHANGE = Unreachable("timeout", "did not complete the key exchange within")


def _row(id_: str, title: str, expect: ExpectedOutcome, inject: Inject, **more: Any) -> Row:
    return Row(id_, title, more.pop("kind", Kind.NETWORK), expect, inject, **{"run": "network", **more})


def _ssh(text_: str) -> Unreachable:
    return Unreachable("ssh", text_)


_DROPPED = OneOf((_ssh("before its SSH greeting"), Unreachable("timeout", "before its SSH greeting")))
"""After four attempts, or at the deadline if a busy machine does not make four."""


# --- names and TCP ---------------------------------------------------------------------------------------------


def _name(name: str) -> Inject:
    return lambda _: contextlib.nullcontext(Target((f"HostName {name}",)))


@contextlib.contextmanager
def _refused(_: Scene) -> Iterator[Target]:
    yield Target((f"HostName {ADDRESS}", f"Port {free_port()}"))


@contextlib.contextmanager
def _full_backlog(_: Scene) -> Iterator[Target]:
    """Accept nothing and fill the backlog, so that the kernel drops further connections."""
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind((ADDRESS, 0))
        full.listen(0)
        port = full.getsockname()[1]
        for _number in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)  # noqa: FBT003 - the socket's own signature
            waiting.connect_ex((ADDRESS, port))
        yield Target((f"HostName {ADDRESS}", f"Port {port}"))


def _reset(connection: socket.socket, _: Scene) -> None:
    """Close with RST instead of FIN, shortly after the connection was accepted."""
    time.sleep(0.1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


_TCP = (
    _row(
        "name-unknown",
        "The host's name does not resolve",
        Unreachable("dns", "does not resolve"),
        _name("none.invalid"),
    ),
    _row("name-impossible", "The host's name is invalid", Unreachable("dns", "does not resolve"), _name("x" * 70)),
    _row("tcp-refused", "Nothing listens on the port", Unreachable("refused", "refuses connections"), _refused),
    _row(
        "tcp-dropped", "Packets to the port are dropped", Unreachable("timeout", "no answer from"), _full_backlog
    ),
    _row(
        "tcp-reset",
        "The connection is reset after it is accepted",
        _DROPPED,
        peer(_reset),
    ),
    _row(
        "tcp-closed",
        "The connection is closed after it is accepted",
        _DROPPED,
        peer(lambda connection, _: connection.close()),
    ),
)

# --- banners ---------------------------------------------------------------------------------------------------


def _sends(data: bytes, *, close: bool = False) -> Inject:
    def handle(connection: socket.socket, _: Scene) -> None:
        connection.sendall(data)
        if close:
            connection.shutdown(socket.SHUT_RDWR)
        else:
            hold(connection)

    return peer(handle)


def _repeats(first: bytes, repeated: bytes, pause: float = 0.0) -> Inject:
    def handle(connection: socket.socket, _: Scene) -> None:
        connection.sendall(first)
        for _number in itertools.count():
            connection.sendall(repeated)
            time.sleep(pause)

    return peer(handle)


def _drips(data: bytes) -> Inject:
    def handle(connection: socket.socket, _: Scene) -> None:
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(0.5)

    return peer(handle)


_HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"

_BANNERS = (
    _row("banner-none", "The server sends no banner", _GREETING, _sends(b"")),
    _row("banner-drip", "The banner arrives one byte each half second", _GREETING, _drips(BANNER * 50)),
    _row(
        "banner-lines-endless",
        "The server sends lines before its banner without end",
        _ssh("banner"),
        _repeats(b"", b"Welcome to this host\r\n" * 100, 0.01),
    ),
    _row(
        "banner-lines-drip",
        "The server sends a line before its banner each half second",
        _GREETING,
        _repeats(b"", b"hello\r\n", 0.5),
    ),
    _row(
        "banner-line-endless", "The banner is a line without end", _GREETING, _repeats(b"SSH-2.0-", b"x" * 65536)
    ),
    _row("banner-huge", "The banner has 1 MB", _EXCHANGE, _sends(b"SSH-2.0-" + b"x" * 1_000_000 + b"\r\n")),
    _row(
        "banner-binary",
        "The server sends binary garbage",
        _ssh("banner"),
        _sends(os.urandom(4096) + b"\n", close=True),
    ),
    _row("banner-http", "An HTTP server listens on the port", _ssh("HTTP/1.1 400"), _sends(_HTTP, close=True)),
    _row("banner-ssh-1", "The server supports SSH 1.5 only", _ssh("SSH-1.5"), _sends(b"SSH-1.5-OpenSSH_1.2\r\n")),
    _row(
        "banner-escapes",
        "The banner contains terminal escapes",
        _ssh("\\x1b"),
        _sends(b"SSH-2.0-\x1b[2J\x07\r\n", close=True),
    ),
)

# --- key exchange ----------------------------------------------------------------------------------------------


def _disconnects(message: bytes) -> bytes:
    return packet(b"\x01" + struct.pack(">I", 2) + text(message) + text(""))


def _kex(data: bytes, *, close: bool = False) -> Inject:
    return _sends(BANNER + data, close=close)


_IGNORE = packet(b"\x02" + text(b"x" * 1000))
_DEBUG = packet(b"\x04\x01" + text(b"x" * 1000) + text(""))


def _kex_drips(connection: socket.socket, _: Scene) -> None:
    connection.sendall(BANNER)
    for byte in packet(kexinit()):
        connection.sendall(bytes([byte]))
        time.sleep(0.5)


_EXCHANGES = (
    _row("kex-none", "The server sends nothing after its banner", _EXCHANGE, _kex(b"")),
    _row("kex-closed", "The server closes after its banner", _ssh("closed"), _kex(b"", close=True)),
    _row("kex-stops", "The server sends nothing after its KEXINIT", _EXCHANGE, _kex(packet(kexinit()))),
    _row("kex-drip", "The KEXINIT arrives one byte each half second", _EXCHANGE, peer(_kex_drips)),
    _row(
        "kex-garbage",
        "The server sends garbage instead of a packet",
        _ssh("OpenSSH_9.9"),
        _kex(os.urandom(64) * 100, close=True),
    ),
    _row(
        "kex-packet-huge",
        "The server announces a packet of 4 GB",
        _EXCHANGE,
        _kex(struct.pack(">IB", 0xFFFFFFF4, 4) + b"x" * 4096),
    ),
    _row(
        "kex-packet-large",
        "The server announces a packet of 2 GB and sends it",
        _EXCHANGE,
        _repeats(BANNER + struct.pack(">IB", 0x7FFFFFF4, 4), b"x" * 65536),
    ),
    _row(
        "kex-lists-endless",
        "The KEXINIT lists 30,000 algorithms",
        _ssh("kex"),
        _kex(packet(kexinit(kex="x," * 15_000))),
    ),
    _row(
        "kex-other-kex",
        "The server offers unknown key exchanges",
        _ssh("sntrup-none"),
        _kex(packet(kexinit(kex="sntrup-none"))),
    ),
    _row(
        "kex-other-host-keys",
        "The server offers unknown host key algorithms",
        _ssh("ssh-none"),
        _kex(packet(kexinit(host_keys="ssh-none"))),
    ),
    _row(
        "kex-other-ciphers",
        "The server offers unknown ciphers",
        _ssh("rot13-cbc"),
        _kex(packet(kexinit(ciphers="rot13-cbc"))),
    ),
    _row(
        "kex-other-macs",
        "The server offers unknown MACs",
        _ssh("hmac-none"),
        _kex(packet(kexinit(macs="hmac-none"))),
    ),
    _row(
        "kex-other-compression",
        "The server offers an unknown compression",
        _ssh("lz-none"),
        _kex(packet(kexinit(compression="lz-none"))),
    ),
    _row(
        "kex-disconnect",
        "The server disconnects with a text",
        _ssh("Too many connections from your network"),
        _kex(_disconnects(b"Too many connections from your network")),
    ),
    _row(
        "kex-disconnect-odd",
        "The server disconnects with a text that is not UTF-8",
        _ssh("\\x"),
        _kex(_disconnects(b"\xff\x1b[2J")),
    ),
    _row(
        "kex-ignore-endless",
        "The server sends IGNORE messages without end",
        _EXCHANGE,
        _repeats(BANNER, _IGNORE * 50, 0.01),
    ),
    _row(
        "kex-debug-endless",
        "The server sends DEBUG messages without end",
        _EXCHANGE,
        _repeats(BANNER, _DEBUG * 50, 0.01),
    ),
    _row(
        "kex-auth-early",
        "The server accepts the login before the key exchange",
        _ssh("OpenSSH_9.9"),
        _kex(packet(b"\x34")),
    ),
    _row(
        "kex-reply-garbage",
        "The server answers the key exchange with garbage",
        _ssh("OpenSSH_9.9"),
        _kex(packet(kexinit()) + packet(b"\x1f" + text("ssh-ed25519") * 3)),
    ),
)

ROWS: tuple[Row, ...] = (*_TCP, *_BANNERS, *_EXCHANGES)
