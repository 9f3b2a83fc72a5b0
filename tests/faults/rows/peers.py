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

from tests.faults.row import Expectation, Fails, Inject, Kind, Passes, Row
from tests.faults.server import Script, Server, served

_HOSTNAME = "host.hostname"
_NO_ANSWER = Fails("timeout", "answered nothing within")


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
        Fails("ssh", "ignature"),
        served(Script, key=lambda file: _InvalidSignatureKey.from_private_key_file(str(file))),
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
        "The server requests another key after each key",
        Fails("auth", "also requires publickey"),
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
        "channel-silent", "The server never answers the opening of a channel", _NO_ANSWER, served(_SilentChannel)
    ),
    _row(
        "channel-refused",
        "The server refuses to open a channel",
        Fails("ssh", "the server opens no session"),
        served(_NoChannel),
    ),
    _row("session-silent", "The session reads the batch and never answers", _NO_ANSWER, served(_SilentSession)),
    _row(
        "session-empty",
        "The session ends before its first answer",
        Fails("ssh", "the host runs no command"),
        served(_EndsAtOnce),
    ),
    _row(
        "session-exit-signal",
        "The session's shell is killed before its first answer",
        Fails("ssh", "the session ended without any output"),
        served(_ExitSignal),
    ),
    _row(
        "channel-unknown",
        "The server sends data for a channel that was never opened",
        Fails("ssh", "the connection ended"),
        served(_UnknownChannel),
    ),
    _row(
        "window-closed",
        "The server never widens the window of the session",
        _NO_ANSWER,
        served(_NeverReads, _Starving),
    ),
)

ROWS: tuple[Row, ...] = (*_LOGINS, *_CHANNELS)
