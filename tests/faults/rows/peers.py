"""Faults after the key exchange: hostile SSH servers in logins and channels."""

from __future__ import annotations

import itertools
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

from tests.faults.row import AllOk, ExpectedOutcome, Inject, Kind, Row, Unreachable
from tests.faults.server import Script, Server, scripted_server

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


# --- login -----------------------------------------------------------------------------------------------------


class _InvalidSignatureKey(paramiko.Ed25519Key):
    """A host key with the known public key and invalid signatures."""

    def sign_ssh_data(self, data: bytes, algorithm: str | None = None) -> paramiko.Message:
        return super().sign_ssh_data(data + b"x", algorithm)


class _SilentLogin(Script):
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002 - signature of the base class
        _block()
        return AUTH_FAILED


class _EndlessBanners(Script):
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002 - signature of the base class
        for _ in itertools.count():
            _send(self.link, _message(53, "Authorized use only\n" * 500, ""))
        return AUTH_FAILED


class _EndlessFactors(Script):
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002 - signature of the base class
        return AUTH_PARTIALLY_SUCCESSFUL


class _DisconnectsInLogin(Script):
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002 - signature of the base class
        _send(self.link, _message(1, 2, "Too many authentication failures", ""))
        time.sleep(0.2)
        self.link.close()
        return AUTH_FAILED


class _AcceptsTwice(Script):
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002 - signature of the base class
        _send(self.link, _message(52))
        return AUTH_SUCCESSFUL


_LOGINS = (
    _row(
        "signature-wrong",
        "The host presents the known key and cannot sign with it",
        Unreachable("ssh", "ignature"),
        scripted_server(Script, key=lambda file: _InvalidSignatureKey.from_private_key_file(str(file))),
    ),
    _row(
        "login-silent",
        "The server never answers the login",
        Unreachable("timeout", "did not finish the login"),
        scripted_server(_SilentLogin),
    ),
    _row(
        "login-banners-endless",
        "The server sends login banners without end",
        Unreachable("timeout", "did not finish the login"),
        scripted_server(_EndlessBanners),
    ),
    _row(
        "login-factors-endless",
        "The server requests another key after each key",
        Unreachable("auth", "also requires publickey"),
        scripted_server(_EndlessFactors),
    ),
    _row(
        "login-disconnect",
        "The server disconnects during the login, with a text",
        Unreachable("auth", "Too many authentication failures"),
        scripted_server(_DisconnectsInLogin),
    ),
    _row("login-accepted-twice", "The server accepts the login twice", AllOk(), scripted_server(_AcceptsTwice)),
)

# --- channels --------------------------------------------------------------------------------------------------


class _SilentChannel(Script):
    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002 - signature of the base class
        _block()
        return OPEN_SUCCEEDED


class _NoChannel(Script):
    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002 - signature of the base class
        return OPEN_FAILED_RESOURCE_SHORTAGE


class _SilentSession(Script):
    def execute(self, channel: paramiko.Channel, command: bytes) -> None:  # noqa: ARG002 - signature of the base class
        while channel.recv(1 << 16):
            pass
        _block()


class _EndsAtOnce(Script):
    def execute(self, channel: paramiko.Channel, command: bytes) -> None:  # noqa: ARG002 - signature of the base class
        channel.shutdown_write()
        _block()


class _ExitSignal(Script):
    def execute(self, channel: paramiko.Channel, command: bytes) -> None:  # noqa: ARG002 - signature of the base class
        remote = channel.remote_chanid
        _send(self.link, _message(98, remote, "exit-signal", False, "KILL", False, "out of memory", ""))  # noqa: FBT003 - as in RFC 4254
        channel.close()


class _UnknownChannel(Script):
    """Sends data for a channel that was never opened."""

    def execute(self, channel: paramiko.Channel, command: bytes) -> None:  # noqa: ARG002 - signature of the base class
        _send(self.link, _message(94, 4711, "data of no channel"))
        _block()


class _Starving(Server):
    """Opens channels with a window of 64 bytes and never extends it."""

    def _sanitize_window_size(self, window_size: int | None) -> int:  # noqa: ARG002 - signature of the base class
        return 64


class _NeverReads(Script):
    def execute(self, channel: paramiko.Channel, command: bytes) -> None:
        """Do not read the batch."""


_CHANNELS = (
    _row(
        "channel-silent",
        "The server never answers the opening of a channel",
        _NO_ANSWER,
        scripted_server(_SilentChannel),
    ),
    _row(
        "channel-refused",
        "The server refuses to open a channel",
        Unreachable("ssh", "the server opens no session"),
        scripted_server(_NoChannel),
    ),
    _row(
        "session-silent",
        "The session reads the batch and never answers",
        _NO_ANSWER,
        scripted_server(_SilentSession),
    ),
    _row(
        "session-empty",
        "The session ends before its first answer",
        Unreachable("ssh", "the host runs no command"),
        scripted_server(_EndsAtOnce),
    ),
    _row(
        "session-exit-signal",
        "The session's shell is killed before its first answer",
        Unreachable("ssh", "the session ended without any output"),
        scripted_server(_ExitSignal),
    ),
    _row(
        "channel-unknown",
        "The server sends data for a channel that was never opened",
        Unreachable("ssh", "the connection ended"),
        scripted_server(_UnknownChannel),
    ),
    _row(
        "window-closed",
        "The server never widens the window of the session",
        _NO_ANSWER,
        scripted_server(_NeverReads, _Starving),
    ),
)

ROWS: tuple[Row, ...] = (*_LOGINS, *_CHANNELS)
