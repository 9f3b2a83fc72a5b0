"""One SSH connection: paramiko, tuned to the few round trips that an audit needs, and strict about host keys."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from typing import Any

import paramiko
import paramiko.common
import paramiko.packet

_KEX = ("curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "mlkem768x25519-sha256")
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr")
_STREAMLOCAL = "direct-streamlocal@openssh.com"


class Stream:
    """What paramiko reads from and writes to: buffered, and asking the kernel to acknowledge at once.

    Without TCP_NODELAY authentication waits 44 ms for a delayed acknowledgement, without TCP_QUICKACK the
    opening of a channel waits as long. `sock` is a socket, or the channel of a jump host; paramiko itself
    sets its timeout.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._buffer = b""
        self._tcp = isinstance(sock, socket.socket) and sock.family != socket.AF_UNIX
        if self._tcp:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def recv(self, size: int) -> bytes:
        """Give up to `size` bytes, from the buffer where it holds any."""
        if not self._buffer:
            if self._tcp and hasattr(socket, "TCP_QUICKACK"):
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            self._buffer = self._sock.recv(1 << 16)
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def send(self, data: bytes) -> int:
        """Send what the kernel takes."""
        sent: int = self._sock.send(data)
        return sent

    def close(self) -> None:
        """Close what lies below. A channel says so to its jump host, which may be gone already."""
        with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
            self._sock.close()


class _Packetizer(paramiko.packet.Packetizer):
    """Keeps the time of a handshake by looking at the clock, not by a thread of its own per connection."""

    _until = float("inf")

    def start_handshake(self, timeout: float) -> None:
        """Begin to count."""
        self._until = time.monotonic() + timeout

    def handshake_timed_out(self) -> bool:
        """Say whether the handshake has taken too long."""
        return time.monotonic() > self._until

    def complete_handshake(self) -> None:
        """Stop counting."""
        self._until = float("inf")


class Link(paramiko.Transport):
    """A connection to one host."""

    def __init__(self, sock: Any, key_types: tuple[str, ...]) -> None:
        super().__init__(sock, packetizer_class=lambda stream: _Packetizer(Stream(stream)))  # type: ignore[arg-type]  # the stubs want a class
        self._tail = threading.local()
        # What concerns users is raised to them; paramiko would log it too, to standard error by default.
        log = logging.getLogger("olaudit.paramiko")
        if not log.handlers:
            log.addHandler(logging.NullHandler())
        log.propagate = False
        self.set_log_channel("olaudit.paramiko")
        options = self.get_security_options()
        options.kex = _first(_KEX, options.kex)
        options.ciphers = _first(_CIPHERS, options.ciphers)
        options.key_types = _first(key_types, options.key_types)

    def open_streamlocal(self, path: str, seconds: float) -> paramiko.Channel:
        """Open a stream to a Unix socket on the host. Raises ChannelException where that is refused."""
        # paramiko builds the message of a kind it does not know without the fields that belong to it:
        # the path, and two that are reserved. They are added as the message passes, in this thread alone.
        tail = paramiko.Message()
        tail.add_string(path)
        tail.add_string("")
        tail.add_int(0)
        self._tail.fields = tail.asbytes()
        try:
            return self.open_channel(_STREAMLOCAL, timeout=seconds)
        finally:
            self._tail.fields = b""

    def _send_user_message(self, data: paramiko.Message) -> None:
        if fields := getattr(self._tail, "fields", b""):
            data.add_bytes(fields)
            self._tail.fields = b""
        super()._send_user_message(data)  # type: ignore[misc]  # not in the stubs

    def execute(self, command: str, seconds: float) -> paramiko.Channel:
        """Start a command without waiting for the word that it started: what it answers says so too."""
        channel = self.open_session(timeout=seconds)
        request = paramiko.Message()
        request.add_byte(paramiko.common.cMSG_CHANNEL_REQUEST)
        request.add_int(channel.remote_chanid)
        request.add_string("exec")
        request.add_boolean(False)  # noqa: FBT003 - want_reply, as RFC 4254 names it
        request.add_string(command)
        self._send_user_message(request)
        return channel


def _first(preferred: tuple[str, ...], offered: Any) -> tuple[str, ...]:
    """Put the preferred ones first that are there at all."""
    rest = tuple(name for name in offered if name not in preferred)
    return (*(name for name in preferred if name in offered), *rest)
