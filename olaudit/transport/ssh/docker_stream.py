"""Streams to a host's Docker Engine over its SSH connection."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import paramiko

from olaudit.facts.engines import DOCKER_SOCKET
from olaudit.transport.engine import EngineUnreachable

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.link import Link

DIAL_STDIO_COMMAND = f"exec docker -H unix://{DOCKER_SOCKET} system dial-stdio"
"""Names the socket: the user's DOCKER_HOST or docker context may lead to an engine of another host."""

_STDERR_SECONDS = 2.0


class DockerStream:
    """Opener of streams to the engine's socket: by SSH forwarding, or through the docker command if sshd refuses.

    Forwarded streams do not count towards sshd's MaxSessions and start no process on the host. sshd does not
    report why it refused one (no forwarding, no permission, no socket), but the docker command does.
    """

    def __init__(self, link: Link, user: str, deadline: Deadline) -> None:
        self._link = link
        self._user = user
        self._deadline = deadline
        self._forwarding = True
        self._commands: list[paramiko.Channel] = []

    def dial(self, deadline: Deadline) -> paramiko.Channel:
        """Open one stream. Raises EngineUnreachable where the SSH connection opens none."""
        try:
            if self._forwarding:
                try:
                    return self._link.open_streamlocal(DOCKER_SOCKET, deadline.remaining())
                except paramiko.SSHException:
                    # Not only ChannelException: where two are refused at once, paramiko loses the reason of one
                    if not self._link.is_active():
                        raise
                    self._forwarding = False
            channel = self._link.execute(DIAL_STDIO_COMMAND, deadline.remaining())
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise EngineUnreachable(f"no stream to Docker could be opened: {error}") from None
        self._commands.append(channel)
        return channel

    def explain(self) -> str:
        """Explain why the docker command opened no stream, from its standard error; "" if it wrote none."""
        if not (stderr := self._read_stderr()):
            return ""
        if "permission denied" in stderr.lower():
            return (
                f"no permission to use Docker: {self._user} is not in the docker group of the host "
                f"(usermod -aG docker {self._user}, then log in again)"
            )
        if "docker.sock" in stderr:
            return f"no Docker Engine listens at {DOCKER_SOCKET}"
        if "not found" in stderr or "No such file" in stderr:
            return f"Docker is not installed: the host has neither {DOCKER_SOCKET} nor a docker command"
        return f"Docker cannot be reached: {stderr[:300]}"

    def _read_stderr(self) -> str:
        """Read the standard error of the first command that wrote any, with a short wait for it."""
        until = time.monotonic() + min(_STDERR_SECONDS, self._deadline.remaining())
        while self._commands:
            for channel in self._commands:
                if channel.recv_stderr_ready():
                    return " ".join(channel.recv_stderr(4096).decode(errors="backslashreplace").split())
            if time.monotonic() > until:
                break
            time.sleep(0.01)
        return ""
