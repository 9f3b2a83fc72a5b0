"""Faults after the key exchange: hostile SSH servers in logins, channels and answers."""

from __future__ import annotations

import itertools
import struct
import threading
import time
from typing import Any

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_PARTIALLY_SUCCESSFUL,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_RESOURCE_SHORTAGE,
    OPEN_SUCCEEDED,
)

from tests.faults.hosts import SHELL
from tests.faults.row import Expectation, Fails, Finds, Inject, Kind, Passes, Row
from tests.faults.server import Script, Server, served

_HOSTNAME = "host.hostname"
_NOTHING = Fails("timeout", "answers nothing within")


def _row(id_: str, title: str, expect: Expectation, inject: Inject, **more: Any) -> Row:
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


def _forever() -> None:
    threading.Event().wait(60)


# --- login -----------------------------------------------------------------------------------------------------


class _Liar(paramiko.Ed25519Key):
    """A host key whose public half is right, and whose signatures are not."""

    def sign_ssh_data(self, data: bytes, algorithm: str | None = None) -> paramiko.Message:
        return super().sign_ssh_data(data + b"x", algorithm)


class _SilentLogin(Script):
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002 - as the base has it
        _forever()
        return AUTH_FAILED


class _EndlessBanners(Script):
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002 - as the base has it
        for _ in itertools.count():
            _send(self.link, _message(53, "Authorized use only\n" * 500, ""))
        return AUTH_FAILED


class _EndlessFactors(Script):
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002 - as the base has it
        return AUTH_PARTIALLY_SUCCESSFUL


class _DisconnectsInLogin(Script):
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002 - as the base has it
        _send(self.link, _message(1, 2, "Too many authentication failures", ""))
        time.sleep(0.2)
        self.link.close()
        return AUTH_FAILED


class _AcceptsTwice(Script):
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002 - as the base has it
        _send(self.link, _message(52))
        return AUTH_SUCCESSFUL


_LOGINS = (
    _row(
        "signature-wrong",
        "The host presents the known key, and cannot sign with it",
        Fails("ssh", "ignature"),
        served(Script, key=lambda file: _Liar.from_private_key_file(str(file))),
    ),
    _row(
        "login-silent",
        "The server never answers the login",
        Fails("timeout", "did not finish the login"),
        served(_SilentLogin),
    ),
    _row(
        "login-banners-endless",
        "The server sends login banners without end",
        Fails("timeout", "did not finish the login"),
        served(_EndlessBanners),
    ),
    _row(
        "login-factors-endless",
        "The server asks for one more key after each key",
        Fails("auth", "also asks for publickey"),
        served(_EndlessFactors),
    ),
    _row(
        "login-disconnect",
        "The server disconnects during the login, with a text",
        Fails("auth", "Too many authentication failures"),
        served(_DisconnectsInLogin),
    ),
    _row("login-accepted-twice", "The server accepts the login twice", Passes(), served(_AcceptsTwice)),
)

# --- channels --------------------------------------------------------------------------------------------------


class _SilentChannel(Script):
    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002 - as the base has it
        _forever()
        return OPEN_SUCCEEDED


class _NoChannel(Script):
    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002 - as the base has it
        return OPEN_FAILED_RESOURCE_SHORTAGE


class _SilentSession(Script):
    def execute(self, channel: paramiko.Channel, command: bytes) -> None:  # noqa: ARG002 - as the base has it
        while channel.recv(1 << 16):
            pass
        _forever()


class _EndsAtOnce(Script):
    def execute(self, channel: paramiko.Channel, command: bytes) -> None:  # noqa: ARG002 - as the base has it
        channel.shutdown_write()
        _forever()


class _ExitSignal(Script):
    def execute(self, channel: paramiko.Channel, command: bytes) -> None:  # noqa: ARG002 - as the base has it
        remote = channel.remote_chanid  # type: ignore[attr-defined]  # not in the stubs
        _send(self.link, _message(98, remote, "exit-signal", False, "KILL", False, "out of memory", ""))  # noqa: FBT003 - as RFC 4254 has it
        channel.close()


class _Unasked(Script):
    """Sends data for a channel that was never opened."""

    def execute(self, channel: paramiko.Channel, command: bytes) -> None:  # noqa: ARG002 - as the base has it
        _send(self.link, _message(94, 4711, "data of no channel"))
        _forever()


class _Starving(Server):
    """Opens channels with a window of 64 bytes, and never widens it."""

    def _sanitize_window_size(self, window_size: int | None) -> int:  # noqa: ARG002 - as the base has it
        return 64


class _NeverReads(Script):
    def execute(self, channel: paramiko.Channel, command: bytes) -> None:
        """Leave the batch unread."""


_CHANNELS = (
    _row("channel-silent", "The server never answers the opening of a channel", _NOTHING, served(_SilentChannel)),
    _row(
        "channel-refused",
        "The server refuses to open a channel",
        Fails("ssh", "no session is opened"),
        served(_NoChannel),
    ),
    _row("session-silent", "The session reads the batch and answers nothing", _NOTHING, served(_SilentSession)),
    _row(
        "session-empty",
        "The session ends before its first answer",
        Fails("ssh", "no command is run there"),
        served(_EndsAtOnce),
    ),
    _row(
        "session-exit-signal",
        "The session's shell is killed before its first answer",
        Fails("ssh", "KILL"),
        served(_ExitSignal),
    ),
    _row(
        "channel-unknown",
        "The server sends data for a channel that was never opened",
        Fails("ssh", "broke off"),
        served(_Unasked),
    ),
    _row(
        "window-closed",
        "The server never widens the window of the session",
        _NOTHING,
        served(_NeverReads, _Starving),
    ),
)

# --- answers ---------------------------------------------------------------------------------------------------


class _Half(Script):
    limit = 150

    def cut(self, channel: paramiko.Channel) -> None:
        channel.close()


class _HalfThenSilence(_Half):
    def cut(self, channel: paramiko.Channel) -> None:  # noqa: ARG002 - as the base has it
        _forever()


class _HalfThenDisconnect(_Half):
    def cut(self, channel: paramiko.Channel) -> None:  # noqa: ARG002 - as the base has it
        _send(self.link, _message(1, 11, "The system is going down for reboot NOW", ""))
        self.link.close()


class _HalfThenGarbage(_Half):
    def cut(self, channel: paramiko.Channel) -> None:  # noqa: ARG002 - as the base has it
        self.link.sock.sendall(b"\xff" * 4096)  # type: ignore[attr-defined]  # not in the stubs
        _forever()


class _Drips(Script):
    def send(self, channel: paramiko.Channel, data: bytes) -> None:
        for byte in data:
            channel.sendall(bytes([byte]))
            time.sleep(0.5)


class _Slow(Script):
    def send(self, channel: paramiko.Channel, data: bytes) -> None:
        for start in range(0, len(data), 100):
            channel.sendall(data[start : start + 100])
            time.sleep(0.05)


class _BeyondWindow(Script):
    """Ignores the client's window, and floods it."""

    message = 94, ()

    def execute(self, channel: paramiko.Channel, command: bytes) -> None:  # noqa: ARG002 - as the base has it
        kind, code = self.message
        remote = channel.remote_chanid  # type: ignore[attr-defined]  # not in the stubs
        data = b"x" * 30_000
        while self.link.is_active():
            _send(self.link, _message(kind, remote, *code, data))


class _ErrorsBeyondWindow(_BeyondWindow):
    message = 95, (1,)


_CHANNEL_OPEN = _message(90, "x11", 7, 1 << 20, 1 << 15, "127.0.0.1", 6000)
_REQUEST = _message(80, "keepalive@openssh.com", True)  # noqa: FBT003 - as RFC 4254 has it


class _Floods(Script):
    """Sends a message without end beside its answers."""

    message = _REQUEST

    def execute(self, channel: paramiko.Channel, command: bytes) -> None:
        def flood() -> None:
            while self.link.is_active():
                _send(self.link, self.message)
                time.sleep(0.0005)

        self.beside(flood)
        super().execute(channel, command)


class _FloodsChannels(_Floods):
    message = _CHANNEL_OPEN


class _Rekeys(Script):
    """Exchanges keys anew, again and again, and never answers."""

    def execute(self, channel: paramiko.Channel, command: bytes) -> None:  # noqa: ARG002 - as the base has it
        while self.link.is_active():
            self.link.renegotiate_keys()


_ANSWERS = (
    _row(
        "answers-half",
        "The stream ends in the middle of the answers",
        Finds("disk.free", "unknown", "ended", SHELL),
        served(_Half),
    ),
    _row(
        "answers-half-then-silence",
        "The server sends half of the answers and then nothing",
        Finds("disk.free", "unknown", "no answer within 4 s", SHELL),
        served(_HalfThenSilence),
    ),
    _row(
        "answers-half-then-disconnect",
        "The server disconnects in the middle of the answers, with a text",
        Finds("disk.free", "unknown", "going down for reboot", SHELL),
        served(_HalfThenDisconnect),
    ),
    _row(
        "answers-half-then-garbage",
        "The server sends garbage in the middle of the answers",
        Finds("disk.free", "unknown", "no answer within 4 s", SHELL),
        served(_HalfThenGarbage),
    ),
    _row("answers-drip", "The answers come a byte each half second", _NOTHING, served(_Drips)),
    _row("answers-slow", "The answers come slowly, in pieces", Passes(), served(_Slow)),
    _row(
        "stdout-beyond-window",
        "The server floods standard output beyond the client's window",
        Finds(_HOSTNAME, "unknown", "MiB", SHELL),
        served(_BeyondWindow),
        run="floods",
    ),
    _row(
        "stderr-beyond-window",
        "The server floods standard error beyond the client's window",
        Fails("timeout", "answers nothing within"),
        served(_ErrorsBeyondWindow),
        run="floods",
    ),
    _row("requests-endless", "The server sends global requests without end", Passes(), served(_Floods)),
    _row("channels-endless", "The server opens channels without end", Passes(), served(_FloodsChannels)),
    _row("rekeys-endless", "The server exchanges keys again and again", _NOTHING, served(_Rekeys)),
)

ROWS: tuple[Row, ...] = (*_LOGINS, *_CHANNELS, *_ANSWERS)
