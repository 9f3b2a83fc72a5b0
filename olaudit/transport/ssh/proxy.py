"""ProxyCommand: a connection over the standard input and output of a local command, as OpenSSH runs it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

from olaudit.model import Reason
from olaudit.transport import HostFailed
from olaudit.transport.reasons import describe, one_line
from olaudit.transport.ssh.process import signal_group

if TYPE_CHECKING:
    from olaudit.transport import Deadline

_GRACE_SECONDS = 0.2
_STDERR_BYTES = 4096


class ProxyStream:
    """The socket of a connection that a ProxyCommand carries. The command ends with the connection.

    The user's own shell runs it with `exec`, as OpenSSH does: the command line comes from the user's
    ssh_config and is a shell command by definition. It is killed, with its process group, when the
    connection is closed, and at `deadline` if nothing closed it (None: it is shared by several hosts).
    """

    def __init__(self, command: str, deadline: Deadline | None) -> None:
        self.command = command
        self._socket, theirs = socket.socketpair()
        self._stderr = b""
        self._closed = threading.Lock()
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
                raise HostFailed(Reason.SSH, f"ProxyCommand cannot be run by {shell}: {describe(error)}") from None
        self._reader = threading.Thread(target=self._watch, args=(deadline,), daemon=True, name="ProxyCommand")
        self._reader.start()

    def _watch(self, deadline: Deadline | None) -> None:
        """Keep the first part of its stderr and read the rest away; kill it at the deadline."""
        pipe = self._process.stderr
        assert pipe  # noqa: S101 - it was asked for
        with contextlib.suppress(OSError, ValueError):
            while True:
                ready, _, _ = select.select([pipe], [], [], deadline.left() if deadline else None)
                if not ready:
                    self.close()
                    return
                if not (data := os.read(pipe.fileno(), 4096)):
                    break
                self._stderr = (self._stderr + data)[:_STDERR_BYTES]
        pipe.close()

    def failure(self) -> str:
        """Say how the command ended and what it wrote to stderr; "" while it runs without any."""
        status = self._await_status()
        self._reader.join(_GRACE_SECONDS if status is not None else 0)
        text = one_line(self._stderr)
        if status is None:
            return f"the ProxyCommand wrote: {text}" if text else ""
        ended = (
            f"the ProxyCommand was killed by signal {-status}"
            if status < 0
            else (f"the ProxyCommand ended with status {status}")
        )
        return f"{ended}: {text}" if text else f"{ended} and wrote no error"

    def failed(self) -> bool:
        """Say whether the command ended with an error of its own."""
        return bool(self._await_status())

    def _await_status(self) -> int | None:
        """Wait a moment for its end, without reaping it: its pid names the group to be killed later."""
        until = time.monotonic() + _GRACE_SECONDS
        while True:
            status: int | None = self._process.returncode
            if status is not None:
                return status
            with contextlib.suppress(ChildProcessError):
                ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if ended:
                    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
            if time.monotonic() > until:
                return None
            time.sleep(0.005)

    def close(self) -> None:
        """Close the connection and end the command."""
        if not self._closed.acquire(blocking=False):
            return
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that reads
        self._socket.close()
        signal_group(self._process.pid, signal.SIGHUP)
        self._await_status()
        signal_group(self._process.pid, signal.SIGKILL)  # its children too, which may ignore SIGHUP
        self._process.wait()

    def recv(self, size: int) -> bytes:
        """Receive up to `size` bytes."""
        return self._socket.recv(size)

    def send(self, data: bytes) -> int:
        """Send what the kernel takes."""
        return self._socket.send(data)

    def settimeout(self, seconds: float | None) -> None:
        """Bound each call."""
        self._socket.settimeout(seconds)

    def __getattr__(self, name: str) -> Any:
        """Give the rest of a socket's interface."""
        return getattr(self._socket, name)
