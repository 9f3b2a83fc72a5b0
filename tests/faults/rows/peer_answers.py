"""Faults after the login: answers of hostile SSH servers."""

from __future__ import annotations

import threading
import time
from typing import Any

import paramiko

from tests.faults.hosts import SHELL
from tests.faults.row import AllOk, ExpectedFinding, ExpectedOutcome, Inject, Kind, OneOf, Row, Unreachable
from tests.faults.server import Script, scripted_server

_HOSTNAME = "host.hostname"
_NO_ANSWER = Unreachable("timeout", "answered nothing within")


def _row(id_: str, title: str, expect: ExpectedOutcome, inject: Inject, **more: Any) -> Row:
    return Row(id_, title, Kind.SSH_PEER, expect, inject, **{"run": "peers", **more})


def _message(kind: int, *parts: bytes | str | int | bool) -> paramiko.Message:
    message = paramiko.Message()
    message.add_byte(bytes([kind]))
    for part in parts:
        if isinstance(part, bool):
            message.add_boolean(part)
        elif isinstance(part, int):
            message.add_int(part)
        else:
            message.add_string(part)
    return message


def _send(link: paramiko.Transport, message: paramiko.Message) -> None:
    link._send_message(message)  # type: ignore[attr-defined]  # not in the stubs


def _block() -> None:
    threading.Event().wait(60)


class _Half(Script):
    limit = 150

    def cut(self, channel: paramiko.Channel) -> None:
        channel.close()


class _HalfThenSilence(_Half):
    def cut(self, channel: paramiko.Channel) -> None:  # noqa: ARG002 - signature of the base class
        _block()


class _HalfThenDisconnect(_Half):
    def cut(self, channel: paramiko.Channel) -> None:  # noqa: ARG002 - signature of the base class
        _send(self.link, _message(1, 11, "The system is going down for reboot NOW", ""))
        self.link.close()


class _HalfThenGarbage(_Half):
    def cut(self, channel: paramiko.Channel) -> None:  # noqa: ARG002 - signature of the base class
        self.link.sock.sendall(b"\xff" * 4096)
        _block()


class _Drips(Script):
    def send(self, channel: paramiko.Channel, data: bytes) -> None:
        for byte in data:
            channel.sendall(bytes([byte]))
            time.sleep(0.5)


class _AnswersSlowly(Script):
    def send(self, channel: paramiko.Channel, data: bytes) -> None:
        for start in range(0, len(data), 100):
            channel.sendall(data[start : start + 100])
            time.sleep(0.05)


class _BeyondWindow(Script):
    """Sends data without end, ignoring the client's window."""

    message: tuple[int, tuple[int, ...]] = (94, ())

    def execute(self, channel: paramiko.Channel, command: bytes) -> None:  # noqa: ARG002 - signature of the base class
        kind, code = self.message
        remote = channel.remote_chanid
        data = b"x" * 30_000
        while self.link.is_active():
            _send(self.link, _message(kind, remote, *code, data))


class _ErrorsBeyondWindow(_BeyondWindow):
    message = (95, (1,))


_CHANNEL_OPEN = _message(90, "x11", 7, 1 << 20, 1 << 15, "127.0.0.1", 6000)
_REQUEST = _message(80, "keepalive@openssh.com", True)  # noqa: FBT003 - as in RFC 4254


class _Floods(Script):
    """Repeats a message without end while it answers."""

    message = _REQUEST

    def execute(self, channel: paramiko.Channel, command: bytes) -> None:
        def flood() -> None:
            while self.link.is_active():
                _send(self.link, self.message)
                time.sleep(0.0005)

        self.start_thread(flood)
        super().execute(channel, command)


class _FloodsChannels(_Floods):
    message = _CHANNEL_OPEN


class _Rekeys(Script):
    """Repeats the key exchange without end and never answers."""

    def execute(self, channel: paramiko.Channel, command: bytes) -> None:  # noqa: ARG002 - signature of the base class
        while self.link.is_active():
            self.link.renegotiate_keys()


ROWS: tuple[Row, ...] = (
    _row(
        "answers-half",
        "The stream ends in the middle of the answers",
        ExpectedFinding("disk.free", "unknown", "ended", SHELL),
        scripted_server(_Half),
    ),
    _row(
        "answers-half-then-silence",
        "The server sends half of the answers and then nothing",
        ExpectedFinding("disk.free", "unknown", "no answer within 4 s", SHELL),
        scripted_server(_HalfThenSilence),
    ),
    _row(
        "answers-half-then-disconnect",
        "The server disconnects in the middle of the answers, with a text",
        ExpectedFinding("disk.free", "unknown", "going down for reboot", SHELL),
        scripted_server(_HalfThenDisconnect),
    ),
    _row(
        "answers-half-then-garbage",
        "The server sends garbage in the middle of the answers",
        ExpectedFinding("disk.free", "unknown", "no answer within 4 s", SHELL),
        scripted_server(_HalfThenGarbage),
    ),
    _row("answers-drip", "The answers arrive one byte each half second", _NO_ANSWER, scripted_server(_Drips)),
    _row("answers-slow", "The answers arrive slowly, in pieces", AllOk(), scripted_server(_AnswersSlowly)),
    _row(
        "stdout-beyond-window",
        "The server floods standard output beyond the client's window",
        # The client notices the window, or the limit of all answers, first.
        OneOf((Unreachable("ssh", "more than"), ExpectedFinding(_HOSTNAME, "unknown", "more than", SHELL))),
        scripted_server(_BeyondWindow),
        run="floods",
    ),
    _row(
        "stderr-beyond-window",
        "The server floods standard error beyond the client's window",
        Unreachable("ssh", "more than the window"),
        scripted_server(_ErrorsBeyondWindow),
        run="floods",
    ),
    _row("requests-endless", "The server sends global requests without end", AllOk(), scripted_server(_Floods)),
    _row("channels-endless", "The server opens channels without end", AllOk(), scripted_server(_FloodsChannels)),
    _row(
        "rekeys-endless", "The server repeats the key exchange without end", _NO_ANSWER, scripted_server(_Rekeys)
    ),
)
