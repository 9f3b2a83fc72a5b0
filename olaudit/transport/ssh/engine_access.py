"""Access to a host's Docker Engine over its SSH connection: the search for it, and streams to it."""

import threading
import time

import paramiko

from olaudit.facts.engines import DOCKER_SOCKET, SCRIPT
from olaudit.model import Answer, Answered, Unanswered
from olaudit.transport import Deadline
from olaudit.transport.engine import EngineUnreachable
from olaudit.transport.reasons import single_line
from olaudit.transport.ssh.link import Link

SHELL_INPUT = f"PATH=$PATH:/usr/bin:/bin LC_ALL=C\nexport PATH LC_ALL\n{SCRIPT}\n"
"""Standard input of the session's shell that searches for a running engine."""

DIAL_STDIO_COMMAND = f"exec docker -H unix://{DOCKER_SOCKET} system dial-stdio"
"""Names the socket: the user's DOCKER_HOST or docker context may lead to an engine of another host."""

_MAX_BYTES = 1 << 20
_RETRY_SECONDS = 0.1
_RETRIES = 20
_STDERR_SECONDS = 2.0


class EngineAccess:
    """The search for a running engine, and streams to its socket.

    The search runs the script of `facts.engines` in a second session in addition to that of the batch. A server
    with `MaxSessions 1` opens one session at a time, and the batch must get it. The search therefore opens its
    session after that of the batch. If the server refuses it, the search tries again when the batch is done.

    A stream is opened by SSH forwarding, or through the docker command if sshd refuses. Forwarded streams do not
    count towards MaxSessions and start no process on the host. sshd does not report why it refused one (no
    forwarding, no permission, no socket), but the docker command does.
    """

    def __init__(self, link: Link, user: str, deadline: Deadline) -> None:
        self._link = link
        self._user = user
        self._deadline = deadline
        self._batch_opened = threading.Event()
        self._batch_done = threading.Event()
        self._forwarding = True
        self._commands: list[paramiko.Channel] = []

    def batch_opened(self) -> None:
        """Record that the batch has its session."""
        self._batch_opened.set()

    def batch_done(self) -> None:
        """Record that the batch has ended, or will not start."""
        self._batch_opened.set()
        self._batch_done.set()

    def find_engines(self) -> Answer:
        """Run the script, which makes no connection and starts no service, and return its answer."""
        self._batch_opened.wait(self._deadline.remaining())
        try:
            return self._run_or_retry()
        except TimeoutError:
            return Unanswered(self._deadline.exceeded)
        except (paramiko.SSHException, OSError, EOFError) as error:
            return Unanswered(f"no session could be opened: {error}")

    def _run_or_retry(self) -> Answer:
        try:
            return self._run()
        except paramiko.ChannelException:
            self._batch_done.wait(self._deadline.remaining())
        for _ in range(_RETRIES):  # the server frees the session of the batch when both sides have closed it
            try:
                return self._run()
            except paramiko.ChannelException:
                if self._deadline.passed() or not self._link.is_active():
                    raise
                time.sleep(_RETRY_SECONDS)
        return self._run()

    def _run(self) -> Answer:
        channel = self._link.execute("exec /bin/sh", self._deadline.remaining())
        output = b""
        try:
            channel.settimeout(self._deadline.timeout())
            channel.sendall(SHELL_INPUT.encode())
            channel.shutdown_write()
            while len(output) <= _MAX_BYTES:
                channel.settimeout(self._deadline.timeout())
                if not (data := channel.recv(1 << 16)):
                    break
                output += data
        finally:
            channel.close()
        return Answered(output.decode(errors="backslashreplace"))

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
                    return single_line(channel.recv_stderr(4096), 4096)
            if time.monotonic() > until:
                break
            time.sleep(0.01)
        return ""
