"""Scripted SSH server: paramiko's server, in which a row overrides the step with its fault."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from tests.faults.peers import listening
from tests.faults.row import Inject, Target
from tests.faults.scene import Scene

_LOG = logging.getLogger("faults.paramiko")
_LOG.addHandler(logging.NullHandler())
_LOG.propagate = False


class Script(paramiko.ServerInterface):
    """A server without a fault: it accepts every key and runs sessions in a real shell.

    paramiko's thread of the connection calls the methods; long operations run in `start_thread`.
    """

    allowed = "publickey"
    limit: float = float("inf")
    """The number of bytes of the shell's output after which `cut` is called."""

    def __init__(self, link: paramiko.Transport, folder: Path, name: str) -> None:
        self.link = link
        self.folder = folder
        self.name = name

    def start_thread(self, work: Callable[[], None]) -> None:
        """Run `work` in a thread, which ends without an error when the client disconnects."""

        def run_work() -> None:
            with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
                work()

        threading.Thread(target=run_work, daemon=True).start()

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002 - the same for all users
        return self.allowed

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002 - every key is accepted
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002 - every channel is opened
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.start_thread(lambda: self.execute(channel, command))
        return True

    def execute(self, channel: paramiko.Channel, command: bytes) -> None:
        """Run the command on this machine, with the host's name in uname."""
        programs = self.folder / "bin"
        programs.mkdir(exist_ok=True)
        uname = programs / "uname"
        uname.write_text(f"#!/bin/sh\necho {self.name}\n", encoding="ascii")
        uname.chmod(0o755)
        with subprocess.Popen(
            ["/bin/sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={"PATH": f"{programs}:/usr/bin:/bin:/usr/sbin:/sbin"},
        ) as shell:  # fmt: skip
            try:
                self._relay_shell(channel, shell)
            finally:
                shell.kill()

    def _relay_shell(self, channel: paramiko.Channel, shell: subprocess.Popen[bytes]) -> None:
        """Send the batch to the shell and its output to the client, up to `limit` bytes."""
        assert shell.stdin
        assert shell.stdout
        stdin, stdout = shell.stdin, shell.stdout

        def feed() -> None:
            with contextlib.suppress(ValueError):  # the shell has ended, and its pipe is closed
                while data := channel.recv(1 << 16):
                    stdin.write(data)
                    stdin.flush()
                stdin.close()

        self.start_thread(feed)
        remaining = self.limit
        while data := os.read(stdout.fileno(), int(min(remaining, 1 << 16))):
            self.send(channel, data)
            remaining -= len(data)
            if remaining <= 0:
                self.cut(channel)
                return
        channel.send_exit_status(shell.wait())
        channel.close()

    def send(self, channel: paramiko.Channel, data: bytes) -> None:
        """Send a part of the answers."""
        channel.sendall(data)

    def cut(self, channel: paramiko.Channel) -> None:
        """Inject the fault in the middle of the answers."""


class Server(paramiko.Transport):
    """Server side of a connection, which does not log disconnects of clients."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.set_log_channel(_LOG.name)


def scripted_server(
    script: type[Script], link: type[Server] = Server, key: Callable[[Path], paramiko.PKey] | None = None
) -> Inject:
    """Return the injection of a scripted server."""

    @contextlib.contextmanager
    def inject(scene: Scene) -> Iterator[Target]:
        folder, name = scene.row_folder(), scene.id
        host_key = (key or paramiko.PKey.from_path)(scene.host_key)

        def handle(connection: socket.socket, _: Scene) -> None:
            server = link(connection)
            server.add_server_key(host_key)
            with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
                server.start_server(server=script(server, folder, name))
                while server.is_active():
                    server.join(0.5)

        with listening(handle, scene) as port:
            yield scene.target(port)

    return inject
