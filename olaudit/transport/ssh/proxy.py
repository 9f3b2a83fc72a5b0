"""ProxyCommand: a connection over the standard input and output of a local command, as OpenSSH runs it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.polling import readable
from olaudit.transport.reasons import describe, one_line
from olaudit.transport.ssh.process import signal_group

if TYPE_CHECKING:
    from olaudit.transport import Deadline

_GRACE_SECONDS = 0.2
_BACKSTOP_SECONDS = 0.5
"""Time after the deadline at which a command that is still running is killed."""
_STDERR_BYTES = 4096


class ProxyStream:
    """The socket of a connection that a ProxyCommand carries. The command ends with the connection.

    The user's own shell runs it with `exec`, as OpenSSH does: the command line comes from the user's
    ssh_config and is a shell command by definition. It is killed, with its process group, when the
    connection is closed, and after `deadline` if nothing closed it (None: it is shared by several hosts).
    """

    def __init__(self, command: str, deadline: Deadline | None) -> None:
        self.command = command
        self._socket, theirs = socket.socketpair()
        self._stderr = b""
        self._eof = False
        self._closed = False
        self._lock = threading.Lock()
        self._ended: int | None = None
        """Its status before it was killed, where it had ended by itself."""
        shell = os.environ.get("SHELL") or "/bin/sh"
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [shell, "-c", f"exec {command}"],
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError as error:
                self._socket.close()
                raise HostFailed(
                    FailureReason.SSH, f"ProxyCommand cannot be run by {shell}: {describe(error)}"
                ) from None
        self._reader = threading.Thread(target=self._watch, args=(deadline,), daemon=True, name="ProxyCommand")
        self._reader.start()

    def _watch(self, deadline: Deadline | None) -> None:
        """Keep the first part of its stderr and read the rest away; kill it at the deadline."""
        pipe = self._process.stderr
        assert pipe  # noqa: S101 - it was asked for
        with pipe, contextlib.suppress(OSError, ValueError):
            while True:
                left = deadline.left() + _BACKSTOP_SECONDS if deadline else None
                if not readable(pipe.fileno(), left):
                    self.close()
                    return
                if not (data := os.read(pipe.fileno(), 4096)):
                    break
                self._stderr = (self._stderr + data)[:_STDERR_BYTES]

    def failure(self) -> str:
        """Close the connection and say how the command ended and what it wrote to stderr; "" for neither."""
        status = self._close()
        self._reader.join(_GRACE_SECONDS)
        text = one_line(self._stderr)
        if status is None:
            return f"the ProxyCommand wrote: {text}" if text else ""
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return f"the ProxyCommand {how}: {text}" if text else f"the ProxyCommand {how} and wrote no error"

    def failed(self) -> bool:
        """Close the connection and return whether the command had ended with an error of its own."""
        return bool(self._close())

    def _await_status(self) -> int | None:
        """Wait a moment for its end."""
        until = time.monotonic() + _GRACE_SECONDS
        while (status := self._status()) is None and time.monotonic() < until:
            time.sleep(0.005)
        return status

    def _status(self) -> int | None:
        """Give its status without reaping it: its pid names the group that is to be killed later."""
        status: int | None = self._process.returncode
        if status is not None:
            return status
        with contextlib.suppress(ChildProcessError):
            if ended := os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        return None

    def close(self) -> None:
        """Close the connection and end the command."""
        self._close()

    def _close(self) -> int | None:
        """Give its status where it had ended by itself, at which its end of the connection was closed."""
        with self._lock:
            if self._closed:
                return self._ended
            self._ended = self._await_status() if self._eof else self._status()
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that reads
            self._socket.close()
            signal_group(self._process.pid, signal.SIGHUP)
            self._await_status()
            signal_group(self._process.pid, signal.SIGKILL)  # its children too, which may ignore SIGHUP
            self._process.wait()
            self._closed = True
            return self._ended

    def recv(self, size: int) -> bytes:
        """Receive up to `size` bytes."""
        try:
            data = self._socket.recv(size)
        except ConnectionResetError:  # it ended and left unread what was sent to it
            data = b""
        self._eof = not data
        return data

    def send(self, data: bytes) -> int:
        """Send what the kernel takes."""
        return self._socket.send(data)

    def settimeout(self, seconds: float | None) -> None:
        """Bound each call."""
        self._socket.settimeout(seconds)

    def __getattr__(self, name: str) -> Any:
        """Give the rest of a socket's interface."""
        return getattr(self._socket, name)
