"""Server side of a connection to a simulated host: login, commands, and streams to the engine."""

import contextlib
import shlex
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED, OPEN_SUCCEEDED

from olaudit.demo import engine
from olaudit.demo.faults import HostFault
from olaudit.demo.recorded import NOT_RECORDED, RecordedHost
from olaudit.model import Answered
from olaudit.transport.batch import answer_script
from olaudit.transport.ssh.algorithms import Offer
from olaudit.transport.ssh.engine_access import DIAL_STDIO_COMMAND
from olaudit.transport.ssh.link import Link

USER = "audit"

_STREAMLOCAL = "direct-streamlocal@openssh.com"
_BATCH = "exec /bin/sh"
_NO_DOCKER = Answered("", "bash: line 1: exec: docker: not found", 127)
_TICK_SECONDS = 0.5
_HINT = "This simulated host answers only recorded commands: run `help` to list them."


@dataclass(frozen=True, slots=True)
class SimulatedHost:
    """A recorded host behind an SSH server: its host key, the only key it accepts, and its fault if it has one."""

    name: str
    recorded: RecordedHost
    key: paramiko.PKey
    auditor: paramiko.PKey
    fault: HostFault | None = None


class ServerConnection:
    """A connection that is served in its own threads until either side closes it."""

    def __init__(self, host: SimulatedHost, sock: socket.socket) -> None:
        self._host = host
        self._sock = sock
        # The audit's own class, because it is fast: paramiko uses one class for both sides of a connection.
        self._link = Link(sock, Offer())
        self._link.add_server_key(host.key)

    def start(self) -> None:
        """Start a thread that serves the connection."""
        threading.Thread(target=self._serve, daemon=True, name=f"sshd {self._host.name}").start()

    def close(self) -> None:
        """Close the connection."""
        self._link.close()
        self._sock.close()

    def _serve(self) -> None:
        login = _Login(self._host)
        channels: list[paramiko.Channel] = []  # paramiko closes a channel without references
        with contextlib.closing(self), contextlib.suppress(paramiko.SSHException, OSError, EOFError):
            self._link.start_server(server=login)
            while self._link.is_active():
                if channel := self._link.accept(_TICK_SECONDS):
                    channels.append(channel)
                    if channel.get_id() in login.streams:
                        _start_thread(partial(_serve_docker, self._host, channel))


class _Login(paramiko.ServerInterface):
    """Permissions of a client. Its methods run in paramiko's thread and must not block."""

    def __init__(self, host: SimulatedHost) -> None:
        self._host = host
        self.streams: set[int] = set()

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002 - the same for all users
        """Allow public keys only."""
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """Accept the auditor's key only."""
        accepted = key.asbytes() == self._host.auditor.asbytes() and username == USER
        return AUTH_SUCCESSFUL if accepted and self._host.fault is not HostFault.REFUSES_LOGIN else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Open sessions and streams to the engine. All socket paths reach the same engine."""
        forwards = self._host.recorded.engine and self._host.fault not in (
            HostFault.NO_FORWARDING,
            HostFault.NO_DOCKER_COMMAND,
        )
        if kind == _STREAMLOCAL and forwards:
            self.streams.add(chanid)
        elif kind != "session":
            return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        """Run a command in a thread."""
        _start_thread(partial(_execute, self._host, channel, command.decode(errors="replace")))
        return True


def _start_thread(work: Callable[[], None]) -> None:
    """Run `work` in a thread, which ends without an error when the client disconnects."""

    def run_work() -> None:
        with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
            work()

    threading.Thread(target=run_work, daemon=True).start()


def _execute(host: SimulatedHost, channel: paramiko.Channel, command: str) -> None:
    """Answer a batch, serve a stream to the engine, or run a single command, as `ssh HOST COMMAND` does."""
    if host.fault is HostFault.RUNS_NO_COMMAND:
        return
    if command == DIAL_STDIO_COMMAND and host.recorded.engine and host.fault is not HostFault.NO_DOCKER_COMMAND:
        _serve_docker(host, channel)
        return
    if command == _BATCH:
        answer = _run_shell(host.recorded, _read(channel))
    else:
        # A round trip: paramiko's thread replies to the request for this command before it reads the next message.
        channel.get_transport().global_request("keepalive@openssh.com")
        answer = _NO_DOCKER if command == DIAL_STDIO_COMMAND else _run_command(host.recorded, command)
    channel.sendall(answer.stdout.encode())
    channel.sendall_stderr(answer.stderr.encode())
    channel.send_exit_status(answer.status)
    channel.close()


def _read(channel: paramiko.Channel) -> str:
    """Read standard input to its end."""
    return b"".join(iter(lambda: channel.recv(1 << 16), b"")).decode()


def _run_shell(recorded: RecordedHost, text: str) -> Answered:
    """Run the standard input of a shell: a recorded script, such as the search for engines, or a batch."""
    for argv in recorded.commands:
        if argv[:2] == ("sh", "-c") and text.endswith(f"\n{argv[2]}\n"):
            return recorded.run(argv)
    return Answered(answer_script(text, recorded.run).decode())


def _run_command(recorded: RecordedHost, command: str) -> Answered:
    """Run a single command of a user who has logged in; `help` lists the recorded ones."""
    try:
        argv = tuple(shlex.split(command))
    except ValueError:
        argv = ()
    if argv == ("help",):
        return Answered("".join(f"{line}\n" for line in recorded.command_lines()))
    answer = recorded.run(argv)
    hint = _HINT if answer.status == NOT_RECORDED else ""
    return Answered(answer.stdout, "".join(f"{line}\n" for line in (answer.stderr, hint) if line), answer.status)


def _serve_docker(host: SimulatedHost, channel: paramiko.Channel) -> None:
    """Serve the engine's HTTP API on a channel."""
    if host.recorded.engine and host.fault not in (HostFault.DOCKER_HANGS, HostFault.RUNS_NO_COMMAND):
        with contextlib.closing(channel):
            engine.serve(host.recorded.engine, channel)
