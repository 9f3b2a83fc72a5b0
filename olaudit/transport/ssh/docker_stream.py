"""Streams to a host's Docker Engine within its SSH connection."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import paramiko

from olaudit.engine_process import DOCKER_SOCKET
from olaudit.transport.engine import NoEngine

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.link import Link

DIAL_STDIO = f"exec docker -H unix://{DOCKER_SOCKET} system dial-stdio"
"""With the socket named: the user's DOCKER_HOST or docker context there may lead to an engine of another host."""

_PATIENCE_SECONDS = 2.0


class DockerStream:
    """Opens the engine's socket by SSH forwarding; where sshd refuses that, through the docker command.

    Forwarded streams do not count towards sshd's MaxSessions and start no process on the host. But sshd
    does not say why one was refused (no forwarding, no right, no socket), while the docker command does.
    """

    def __init__(self, link: Link, user: str, deadline: Deadline) -> None:
        self._link = link
        self._user = user
        self._deadline = deadline
        self._forwards = True
        self._commands: list[paramiko.Channel] = []

    def dial(self, deadline: Deadline) -> paramiko.Channel:
        """Open one stream. Raises NoEngine where the connection itself does not carry any."""
        try:
            if self._forwards:
                try:
                    return self._link.open_streamlocal(DOCKER_SOCKET, deadline.left())
                except paramiko.SSHException:
                    # Not ChannelException alone: where two are refused at once, paramiko loses one's reason
                    if not self._link.is_active():
                        raise
                    self._forwards = False
            channel = self._link.execute(DIAL_STDIO, deadline.left())
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise NoEngine(f"no stream to Docker could be opened: {error}") from None
        self._commands.append(channel)
        return channel

    def explain(self) -> str:
        """Say why the docker command gave no stream, from what it wrote to standard error."""
        if not (said := self._stderr()):
            return ""
        if "permission denied" in said.lower():
            return (
                f"no right to ask Docker: {self._user} is not in the docker group there "
                f"(usermod -aG docker {self._user}, then log in anew)"
            )
        if "docker.sock" in said:
            return f"no Docker Engine listens at {DOCKER_SOCKET}"
        if "not found" in said or "No such file" in said:
            return f"no Docker there: neither {DOCKER_SOCKET} nor a docker command"
        return f"Docker cannot be reached: {said[:300]}"

    def _stderr(self) -> str:
        """Read what there is from the first command that says something, giving it a moment to arrive."""
        until = time.monotonic() + min(_PATIENCE_SECONDS, self._deadline.left())
        while self._commands:
            for channel in self._commands:
                if channel.recv_stderr_ready():
                    return " ".join(channel.recv_stderr(4096).decode(errors="backslashreplace").split())
            if time.monotonic() > until:
                break
            time.sleep(0.01)
        return ""
