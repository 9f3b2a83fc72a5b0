"""Servers that flood a connection beyond the limits of the protocol."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
from paramiko.common import cMSG_CHANNEL_DATA, cMSG_CHANNEL_EXTENDED_DATA, cMSG_CHANNEL_OPEN_FAILURE

from olaudit.model import Command, Unanswered
from olaudit.transport import Deadline, HostFailed
from olaudit.transport.ssh import SshTransport
from olaudit.transport.ssh.link import Link
from olaudit.transport.ssh.settings import SshConfig
from tests.transport.sshd import Sshd

_MESSAGES = 2000
_BLOB = b"x" * 30_000  # 60 MB in all, of which a window is 2 MiB


class _Flood(paramiko.ServerInterface):
    """Server that accepts every login, and floods the channel of a command with messages of one kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def get_allowed_auths(self, _username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, _username: str, _key: paramiko.PKey) -> int:
        return paramiko.common.AUTH_SUCCESSFUL

    def check_channel_request(self, _kind: str, _channel: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, _command: bytes) -> bool:
        threading.Thread(target=self._flood, args=(channel,), daemon=True).start()
        return True

    def _flood(self, channel: paramiko.Channel) -> None:
        link = channel.get_transport()
        with contextlib.suppress(Exception):  # the client disconnects
            for number in range(_MESSAGES):
                link._send_user_message(self._message(channel, number))  # type: ignore[attr-defined]

    def _message(self, channel: paramiko.Channel, number: int) -> paramiko.Message:
        message = paramiko.Message()
        if self.kind == "failures":
            message.add_byte(cMSG_CHANNEL_OPEN_FAILURE)
            message.add_int(1000 + number)
            message.add_int(1)
            message.add_string(_BLOB)
            return message
        message.add_byte(cMSG_CHANNEL_DATA if self.kind == "data" else cMSG_CHANNEL_EXTENDED_DATA)
        message.add_int(channel.remote_chanid)
        if self.kind == "errors":
            message.add_int(1)
        message.add_string(_BLOB)
        return message


@contextlib.contextmanager
def flooding(server: Sshd, kind: str) -> Iterator[Path]:
    key = paramiko.PKey.from_path(server.folder / "host_key")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError, paramiko.SSHException, EOFError):
                link = paramiko.Transport(listener.accept()[0])
                link.add_server_key(key)
                link.start_server(server=_Flood(kind))

        threading.Thread(target=serve, daemon=True).start()
        port = listener.getsockname()[1]
        known_hosts = server.folder / f"known_hosts-{kind}"
        known_hosts.write_text(f"[127.0.0.1]:{port} {(server.folder / 'host_key.pub').read_text()}")
        yield server.config(f"Port {port}", f"UserKnownHostsFile {known_hosts}", name=kind)


@pytest.mark.parametrize("kind", ["data", "errors", "failures"])
def test_data_beyond_the_window_is_not_buffered(server: Sshd, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    links: list[Link] = []
    original = Link.execute

    def execute(link: Link, command: str, seconds: float) -> paramiko.Channel:
        links.append(link)
        return original(link, command, seconds)

    monkeypatch.setattr(Link, "execute", execute)
    max_buffered = 0
    done = threading.Event()

    def measure() -> None:
        nonlocal max_buffered
        while not done.wait(0.01):
            for link in links:
                channels = link._channels.values()  # type: ignore[attr-defined]
                buffered = sum(len(channel.in_buffer) + len(channel.in_stderr_buffer) for channel in channels)
                refusals = sum(len(text) for _, text in link._refusals.values())
                max_buffered = max(max_buffered, buffered + refusals)

    threading.Thread(target=measure, daemon=True).start()
    started = time.monotonic()
    with flooding(server, kind) as config:
        transport = SshTransport(SshConfig(config))
        try:
            with contextlib.suppress(HostFailed):
                answers = transport.ask(kind, (Command(("true",)),), Deadline.after(3))
                assert all(isinstance(answer, Unanswered) for answer in answers.values())
        finally:
            done.set()
            transport.close()
    assert links
    assert time.monotonic() - started < 4
    assert max_buffered < 3 << 20
