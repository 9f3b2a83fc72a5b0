"""One SSH connection: paramiko, tuned to the few round trips that an audit needs, and strict about host keys."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar

import paramiko
import paramiko.common
import paramiko.packet

from olaudit.transport.reasons import one_line

if TYPE_CHECKING:
    from olaudit.transport.ssh.algorithms import Offer

_FIRST_BYTES = 256
_MESSAGE_BYTES = 64
"""What a message holds besides its data."""

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
        self.first = b""
        """The first bytes that came: what is there in place of an SSH server, where there is none."""
        self._tcp = isinstance(sock, socket.socket) and sock.family != socket.AF_UNIX
        if self._tcp:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def recv(self, size: int) -> bytes:
        """Give up to `size` bytes, from the buffer where it holds any."""
        if not self._buffer:
            if self._tcp and hasattr(socket, "TCP_QUICKACK"):
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            self._buffer = self._sock.recv(1 << 16)
            if len(self.first) < _FIRST_BYTES:
                self.first += self._buffer[: _FIRST_BYTES - len(self.first)]
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


class TunnelRefused(Exception):  # noqa: N818 - an answer of the jump host
    """A jump host that opened no connection: RFC 4254's reason code, and its text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def _feed(channel: Any, message: paramiko.Message) -> None:
    _check_window(channel, message)
    channel._feed(message)  # noqa: SLF001 - paramiko's own, which this stands in front of


def _feed_extended(channel: Any, message: paramiko.Message) -> None:
    _check_window(channel, message)
    channel._feed_extended(message)  # noqa: SLF001 - as above


def _check_window(channel: Any, message: paramiko.Message) -> None:
    """End the connection where a server ignores the window: paramiko would keep in memory all that it sends."""
    unread = len(channel.in_buffer) + len(channel.in_stderr_buffer) + len(message.get_remainder())
    if unread > channel.in_window_size + _MESSAGE_BYTES:
        raise paramiko.SSHException("the host sent more than the window of the channel allows")


class Link(paramiko.Transport):
    """A connection to one host. `below` is what it runs over: a socket, a channel, a ProxyCommand."""

    _channel_handler_table: ClassVar[Any] = {
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]  # noqa: SLF001 - not in the stubs
        paramiko.common.MSG_CHANNEL_DATA: _feed,
        paramiko.common.MSG_CHANNEL_EXTENDED_DATA: _feed_extended,
    }

    def __init__(self, below: Any, offer: Offer) -> None:
        stream = Stream(below)
        super().__init__(below, packetizer_class=lambda _: _Packetizer(stream))  # type: ignore[arg-type]  # the stubs want a class
        self.below = below
        self.offered: dict[str, list[str]] = {}
        """What the server offers, by paramiko's names of RFC 4253's lists; empty before its offer came."""
        self.farewell = ""
        """The text with which the server disconnected, if it did."""
        self._stream = stream
        self._own = threading.local()
        self._refusals: dict[int, tuple[int, str]] = {}
        # What concerns users is raised to them; paramiko would log it too, to standard error by default.
        log = logging.getLogger("olaudit.paramiko")
        if not log.handlers:
            log.addHandler(logging.NullHandler())
        log.propagate = False
        self.set_log_channel("olaudit.paramiko")
        options = self.get_security_options()
        options.kex = _available(offer.kex, options.kex)
        options.ciphers = _available(offer.ciphers, options.ciphers)
        options.digests = _available(offer.macs, options.digests)
        options.key_types = _available(offer.host_keys, options.key_types)

    @property
    def greeting(self) -> bytes:
        """The first bytes that the server sent."""
        return self._stream.first

    def _really_parse_kex_init(self, message: paramiko.Message, ignore_first_byte: bool = False) -> Any:
        parsed = super()._really_parse_kex_init(message, ignore_first_byte)  # type: ignore[misc]  # not in the stubs
        if not ignore_first_byte:  # else it is our own offer
            self.offered = {name: list(value) for name, value in parsed.items() if isinstance(value, list)}
        return parsed

    def _parse_disconnect(self, message: paramiko.Message) -> None:
        message.get_int()
        self.farewell = one_line(message.get_binary(), 200)

    def open_tunnel(self, hostname: str, port: int, seconds: float) -> paramiko.Channel:
        """Open a connection from this host to another. Raises TunnelRefused, SSHException, EOFError."""
        try:
            return self.open_channel("direct-tcpip", (hostname, port), ("127.0.0.1", 0), timeout=seconds)
        except paramiko.SSHException:
            # paramiko keeps one exception for all channels; two that fail at once would lose one
            if refusal := self._refusals.pop(getattr(self._own, "opening", -1), None):
                raise TunnelRefused(*refusal) from None
            raise

    def _parse_channel_open_failure(self, message: paramiko.Message) -> None:
        channel, code, text = message.get_int(), message.get_int(), message.get_text()
        if channel in self.channel_events:  # else nothing would ever take it out again
            self._refusals[channel] = (code, text)
        message.rewind()
        super()._parse_channel_open_failure(message)  # type: ignore[misc]  # not in the stubs

    def open_streamlocal(self, path: str, seconds: float) -> paramiko.Channel:
        """Open a stream to a Unix socket on the host. Raises ChannelException where that is refused."""
        # paramiko builds the message of a kind it does not know without the fields that belong to it:
        # the path, and two that are reserved. They are added as the message passes, in this thread alone.
        tail = paramiko.Message()
        tail.add_string(path)
        tail.add_string("")
        tail.add_int(0)
        self._own.fields = tail.asbytes()
        try:
            return self.open_channel(_STREAMLOCAL, timeout=seconds)
        finally:
            self._own.fields = b""

    def _send_user_message(self, data: paramiko.Message) -> None:
        sent = data.asbytes()
        if sent[:1] == paramiko.common.cMSG_CHANNEL_OPEN:
            opening = paramiko.Message(sent[1:])
            opening.get_string()
            self._own.opening = opening.get_int()
        if fields := getattr(self._own, "fields", b""):
            data.add_bytes(fields)
            self._own.fields = b""
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


def _available(names: tuple[str, ...], supported: Any) -> tuple[str, ...]:
    """Keep what this release of paramiko knows."""
    return tuple(name for name in names if name in supported)
