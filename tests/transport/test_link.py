"""Connections against a real sshd: how channels end."""

from __future__ import annotations

import time

from olaudit.transport import Deadline
from olaudit.transport.ssh.connect import Connector
from olaudit.transport.ssh.link import Link
from olaudit.transport.ssh.settings import SshConfig
from tests.transport.sshd import Sshd


def read_output(link: Link, command: str) -> bytes:
    channel = link.execute(command, 5)
    channel.settimeout(5)
    output = b""
    while data := channel.recv(1024):
        output += data
    return output


def test_late_eof_does_not_end_the_connection(server: Sshd) -> None:
    """sshd disconnects when it receives EOF for a channel that it has freed.

    paramiko decides to send EOF, and sends it, in two steps. Its thread can answer the server's CLOSE in between.
    """
    link, _ = Connector(SshConfig(server.config())).connect("host", Deadline.after(10))
    try:
        channel = link.execute("exec cat", 5)
        with channel.lock:
            late_eof = channel._send_eof()  # type: ignore[attr-defined]  # the first step of shutdown_write
        channel.close()
        until = time.monotonic() + 5
        while link._channels.get(channel.chanid) and time.monotonic() < until:  # type: ignore[attr-defined]
            time.sleep(0.01)  # until the server's CLOSE has arrived
        assert not link._channels.get(channel.chanid)  # type: ignore[attr-defined]
        link._send_user_message(late_eof)
        assert read_output(link, "echo alive") == b"alive\n"
    finally:
        link.close()


def test_eof_reaches_an_open_channel(server: Sshd) -> None:
    link, _ = Connector(SshConfig(server.config())).connect("host", Deadline.after(10))
    try:
        channel = link.execute("cat; echo end", 5)
        channel.settimeout(5)
        channel.shutdown_write()
        assert channel.recv(1024) == b"end\n"
    finally:
        link.close()
