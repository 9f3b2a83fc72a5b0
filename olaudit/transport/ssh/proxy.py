"""ProxyCommand: a connection over standard input and output of a local command, run as OpenSSH runs it."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from typing import Any

from olaudit.model import FailureReason
from olaudit.transport import Deadline, HostFailed
from olaudit.transport.process import readable, signal_group
from olaudit.transport.reasons import describe_error, single_line

_GRACE_SECONDS = 0.2
_BACKSTOP_SECONDS = 0.5
"""Time after the deadline after which a running command is killed."""
_STDERR_BYTES = 4096


class ProxyStream:
    """Socket of a connection that a ProxyCommand carries. The command ends with the connection.

    The user's shell runs it with `exec`, as OpenSSH does: the command line comes from the user's ssh_config and
    is a shell command by definition. Its process group is killed when the connection is closed, and after
    `deadline` if it is still open (None: several hosts share the connection, so there is no deadline).
    """

    def __init__(self, command: str, deadline: Deadline | None) -> None:
        self._socket, command_socket = socket.socketpair()
        self._stderr = b""
        self._eof = False
        self._closed = False
        self._lock = threading.Lock()
        self._own_status: int | None = None
        """Status of a command that ended before it was killed; negative for a signal."""
        shell = os.environ.get("SHELL") or "/bin/sh"
        with command_socket:
            try:
                self._process = subprocess.Popen(
                    [shell, "-c", f"exec {command}"],
                    stdin=command_socket.fileno(),
                    stdout=command_socket.fileno(),
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError as error:
                self._socket.close()
                raise HostFailed(
                    FailureReason.SSH, f"ProxyCommand cannot be run by {shell}: {describe_error(error)}"
                ) from None
        self._stderr_reader = threading.Thread(
            target=self._watch_stderr, args=(deadline,), daemon=True, name="ProxyCommand"
        )
        self._stderr_reader.start()

    def _watch_stderr(self, deadline: Deadline | None) -> None:
        """Keep the start of its standard error and discard the rest; kill the command after the deadline."""
        pipe = self._process.stderr
        assert pipe  # noqa: S101 - for the type checker: it is a pipe
        with pipe, contextlib.suppress(OSError, ValueError):
            while True:
                seconds = deadline.remaining() + _BACKSTOP_SECONDS if deadline else None
                if not readable(pipe.fileno(), seconds):
                    self.close()
                    return
                if not (data := os.read(pipe.fileno(), 4096)):
                    break
                self._stderr = (self._stderr + data)[:_STDERR_BYTES]

    def failure(self) -> str:
        """Close the connection, and describe how the command ended and what it wrote to stderr; "" for neither."""
        status = self.close()
        self._stderr_reader.join(_GRACE_SECONDS)
        text = single_line(self._stderr)
        if status is None:
            return f"the ProxyCommand wrote: {text}" if text else ""
        end = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return f"the ProxyCommand {end}: {text}" if text else f"the ProxyCommand {end} and wrote no error"

    def _await_status(self) -> int | None:
        """Wait up to `_GRACE_SECONDS` for the end of the command; return its status, None if it still runs."""
        until = time.monotonic() + _GRACE_SECONDS
        while (status := self._status()) is None and time.monotonic() < until:
            time.sleep(0.005)
        return status

    def _status(self) -> int | None:
        """Return its status without reaping it: the pid still identifies the process group to kill."""
        status: int | None = self._process.returncode
        if status is not None:
            return status
        with contextlib.suppress(ChildProcessError):
            if ended := os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        return None

    def close(self) -> int | None:
        """Close the connection and kill the process group; return the status if the command had already ended."""
        with self._lock:
            if self._closed:
                return self._own_status
            self._own_status = self._await_status() if self._eof else self._status()
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that is reading
            self._socket.close()
            signal_group(self._process.pid, signal.SIGHUP)
            self._await_status()
            signal_group(self._process.pid, signal.SIGKILL)  # including its children, which may ignore SIGHUP
            self._process.wait()
            self._closed = True
            return self._own_status

    def recv(self, size: int) -> bytes:
        """Receive up to `size` bytes."""
        try:
            data = self._socket.recv(size)
        except ConnectionResetError:  # it ended before it had read all data
            data = b""
        self._eof = not data
        return data

    def __getattr__(self, name: str) -> Any:
        """Delegate the rest of a socket's interface."""
        return getattr(self._socket, name)
