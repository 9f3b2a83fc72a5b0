"""Streams to a host's Docker Engine within its SSH connection."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import paramiko

from olaudit.transport.engine import NoEngine

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.link import Link

_SOCKET = "/var/run/docker.sock"
_DIAL_STDIO = "exec docker system dial-stdio"


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

    def dial(self) -> paramiko.Channel:
        """Open one stream. Raises NoEngine where the connection itself does not carry any."""
        try:
            if self._forwards:
                try:
                    return self._link.open_streamlocal(_SOCKET, self._deadline.left())
                except paramiko.ChannelException:
                    self._forwards = False
            channel = self._link.execute(_DIAL_STDIO, self._deadline.left())
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise NoEngine(f"no stream to Docker could be opened: {error}") from None
        self._commands.append(channel)
        return channel

    def explain(self) -> str:
        """Say why the docker command gave no stream, from what it wrote to standard error."""
        said = " ".join(_stderr(channel) for channel in self._commands[:1])
        if not said:
            return ""
        if "permission denied" in said.lower():
            return (
                f"no right to ask Docker: {self._user} is not in the docker group there "
                f"(usermod -aG docker {self._user}, then log in anew)"
            )
        if "not found" in said or "No such file" in said:
            return f"no Docker there: neither {_SOCKET} nor a docker command"
        if "Cannot connect to the Docker daemon" in said:
            return f"no Docker Engine listens at {_SOCKET}"
        return f"Docker cannot be reached: {said[:300]}"


def _stderr(channel: paramiko.Channel) -> str:
    """Read what there is, giving the last packet a moment to arrive."""
    until = time.monotonic() + 0.5
    while not channel.recv_stderr_ready() and not channel.closed and time.monotonic() < until:
        time.sleep(0.01)
    said = channel.recv_stderr(4096) if channel.recv_stderr_ready() else b""
    return " ".join(said.decode(errors="backslashreplace").split())
