"""SSH connection to one host: paramiko, tuned to few round trips."""

import contextlib
import logging
import socket
import threading
import time
from typing import Any, ClassVar

import paramiko
import paramiko.common
import paramiko.packet

from olaudit.transport.reasons import single_line
from olaudit.transport.ssh.algorithms import Offer

_GREETING_BYTES = 256
_MESSAGE_BYTES = 64
"""Most bytes of a message besides its data."""

_DATA_MESSAGES = (paramiko.common.MSG_CHANNEL_DATA, paramiko.common.MSG_CHANNEL_EXTENDED_DATA)
_STREAMLOCAL = "direct-streamlocal@openssh.com"


class BufferedSocket:
    """Buffered socket for paramiko, with immediate TCP acknowledgements.

    Without TCP_NODELAY, authentication waits 44 ms for a delayed acknowledgement; without TCP_QUICKACK, so does
    opening a channel. `sock` is a socket or the channel of a jump host. paramiko sets its timeout.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._buffer = b""
        self.first_bytes = b""
        """First bytes received, which identify the service if it is not an SSH server."""
        self._tcp = isinstance(sock, socket.socket) and sock.family != socket.AF_UNIX
        if self._tcp:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def recv(self, size: int) -> bytes:
        """Return up to `size` bytes, from the buffer if it is not empty."""
        if not self._buffer:
            if self._tcp and hasattr(socket, "TCP_QUICKACK"):
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            self._buffer = self._sock.recv(1 << 16)
            if len(self.first_bytes) < _GREETING_BYTES:
                self.first_bytes += self._buffer[: _GREETING_BYTES - len(self.first_bytes)]
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def send(self, data: bytes) -> int:
        """Send as much as the kernel accepts; return the number of bytes."""
        sent: int = self._sock.send(data)
        return sent

    def close(self) -> None:
        """Close the socket. A channel notifies its jump host, whose connection may be closed already."""
        with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
            self._sock.close()


class _Packetizer(paramiko.packet.Packetizer):
    """Packetizer that limits the handshake by the clock, without paramiko's timer thread per connection."""

    _handshake_deadline = float("inf")

    def start_handshake(self, timeout: float) -> None:
        """Start the time limit."""
        self._handshake_deadline = time.monotonic() + timeout

    def handshake_timed_out(self) -> bool:
        """Return whether the time limit has passed."""
        return time.monotonic() > self._handshake_deadline

    def complete_handshake(self) -> None:
        """Remove the time limit."""
        self._handshake_deadline = float("inf")


class TunnelRefused(Exception):  # noqa: N818 - an answer of the jump host
    """A jump host opened no connection. Carries the reason code of RFC 4254, and the text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def _within_window(handle: Any) -> Any:
    """Wrap paramiko's handler of data, which keeps everything that a server sends beyond the window in memory."""

    def handle_within_window(channel: Any, message: paramiko.Message) -> None:
        unread = len(channel.in_buffer) + len(channel.in_stderr_buffer) + len(message.get_remainder())
        if unread > channel.in_window_size + _MESSAGE_BYTES:
            raise paramiko.SSHException("the host sent more than the window of the channel allows")
        handle(channel, message)

    return handle_within_window


_HANDLERS: Any = paramiko.Transport._channel_handler_table  # type: ignore[attr-defined]  # noqa: SLF001 - not in the stubs


class Link(paramiko.Transport):
    """SSH connection. `carrier` transports its bytes: a socket, a channel of a jump host, or a ProxyCommand."""

    _channel_handler_table: ClassVar[Any] = {
        **_HANDLERS,
        **{kind: _within_window(_HANDLERS[kind]) for kind in _DATA_MESSAGES},
    }

    def __init__(self, carrier: Any, offer: Offer) -> None:
        stream = BufferedSocket(carrier)
        super().__init__(carrier, packetizer_class=lambda _: _Packetizer(stream))  # type: ignore[arg-type]  # the stubs want a class
        self.carrier = carrier
        self.server_offer: dict[str, list[str]] = {}
        """Algorithms that the server offers, by paramiko's names of the lists; empty before its offer arrived."""
        self.disconnect_message = ""
        """Text with which the server disconnected; "" if it did not."""
        self._stream = stream
        self._thread_local = threading.local()
        self._end_lock = threading.Lock()
        self._refusals: dict[int, tuple[int, str]] = {}
        # All errors that concern users are raised. paramiko also logs them, to standard error by default.
        log = logging.getLogger("olaudit.paramiko")
        if not log.handlers:
            log.addHandler(logging.NullHandler())
        log.propagate = False
        self.set_log_channel("olaudit.paramiko")
        options = self.get_security_options()
        offers = {"kex": offer.kex, "ciphers": offer.ciphers, "digests": offer.macs, "key_types": offer.host_keys}
        for kind, names in offers.items():
            supported = getattr(options, kind)  # by this release of paramiko
            setattr(options, kind, tuple(name for name in names if name in supported))

    @property
    def greeting(self) -> bytes:
        """First bytes that the server sent."""
        return self._stream.first_bytes

    def _really_parse_kex_init(self, message: paramiko.Message, ignore_first_byte: bool = False) -> Any:
        parsed = super()._really_parse_kex_init(message, ignore_first_byte)  # type: ignore[misc]  # not in the stubs
        if not ignore_first_byte:  # set for the own offer of this client
            self.server_offer = {name: list(value) for name, value in parsed.items() if isinstance(value, list)}
        return parsed

    def _parse_disconnect(self, message: paramiko.Message) -> None:
        message.get_int()
        self.disconnect_message = single_line(message.get_binary(), 200)

    def open_tunnel(self, hostname: str, port: int, seconds: float) -> paramiko.Channel:
        """Open a connection from this host to another. Raises TunnelRefused, SSHException, EOFError."""
        try:
            return self.open_channel("direct-tcpip", (hostname, port), ("127.0.0.1", 0), timeout=seconds)
        except paramiko.SSHException:
            # paramiko keeps one exception for all channels: where two fail at once, it loses one
            if refusal := self._refusals.pop(getattr(self._thread_local, "opening", -1), None):
                raise TunnelRefused(*refusal) from None
            raise

    def _parse_channel_open_failure(self, message: paramiko.Message) -> None:
        channel, code, text = message.get_int(), message.get_int(), message.get_text()
        if channel in self.channel_events:  # otherwise it would never be removed
            self._refusals[channel] = (code, text)
        message.rewind()
        super()._parse_channel_open_failure(message)  # type: ignore[misc]  # not in the stubs

    def open_streamlocal(self, path: str, seconds: float) -> paramiko.Channel:
        """Open a stream to a Unix socket on the host. Raises ChannelException if the server refuses it."""
        # paramiko omits the fields of a channel type that it does not support: the path, and two reserved fields.
        # `_send_user_message` appends them, in this thread only.
        fields = paramiko.Message()
        fields.add_string(path)
        fields.add_string("")
        fields.add_int(0)
        self._thread_local.fields = fields.asbytes()
        try:
            return self.open_channel(_STREAMLOCAL, timeout=seconds)
        finally:
            self._thread_local.fields = b""

    def _send_user_message(self, data: paramiko.Message) -> None:
        message = data.asbytes()
        if message[:1] == paramiko.common.cMSG_CHANNEL_OPEN:
            opening = paramiko.Message(message[1:])
            opening.get_string()
            self._thread_local.opening = opening.get_int()
        if fields := getattr(self._thread_local, "fields", b""):
            data.add_bytes(fields)
            self._thread_local.fields = b""
        if message[:1] in (paramiko.common.cMSG_CHANNEL_EOF, paramiko.common.cMSG_CHANNEL_CLOSE):
            self._send_end(data)
        else:
            super()._send_user_message(data)  # type: ignore[misc]  # not in the stubs

    def _send_end(self, data: paramiko.Message) -> None:
        """Send EOF or CLOSE, but no EOF after CLOSE: sshd ends the connection if it has freed the channel.

        paramiko decides to send EOF, and sends it, in two steps, between which its own thread may send CLOSE.
        """
        message = data.asbytes()
        remote_id = paramiko.Message(message[1:]).get_int()
        with self._end_lock:
            channels = self._channels.values()  # type: ignore[attr-defined]  # not in the stubs
            is_open = any(
                channel.active and not channel.closed and channel.remote_chanid == remote_id
                for channel in channels
            )
            if is_open or message[:1] == paramiko.common.cMSG_CHANNEL_CLOSE:
                super()._send_user_message(data)  # type: ignore[misc]  # as above

    def execute(self, command: str, seconds: float) -> paramiko.Channel:
        """Start a command without a request for confirmation, which saves a round trip."""
        channel = self.open_session(timeout=seconds)
        request = paramiko.Message()
        request.add_byte(paramiko.common.cMSG_CHANNEL_REQUEST)
        request.add_int(channel.remote_chanid)
        request.add_string("exec")
        request.add_boolean(False)  # noqa: FBT003 - want_reply, as RFC 4254 names it
        request.add_string(command)
        self._send_user_message(request)
        return channel
