"""One connection to a simulated host, from the server's side: who is let in, and what is run there."""

from __future__ import annotations

import contextlib
import shlex
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)

from olaudit.demo import engine
from olaudit.demo.commands import run
from olaudit.demo.commands.engines import engines
from olaudit.demo.faults import Fault
from olaudit.demo.machine import Machine
from olaudit.model import Answered
from olaudit.transport.batch import answer_script
from olaudit.transport.ssh import engine_gate
from olaudit.transport.ssh.algorithms import Offer
from olaudit.transport.ssh.docker_stream import DIAL_STDIO_COMMAND
from olaudit.transport.ssh.link import Link

USER = "audit"

_STREAMLOCAL = "direct-streamlocal@openssh.com"
_BATCH = "exec /bin/sh"
_NO_DOCKER = Answered("", "bash: line 1: exec: docker: not found", 127)
_TICK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Host:
    """A machine behind an SSH server: the key it shows, the one key it takes, and how it fails if it does."""

    machine: Machine
    key: paramiko.PKey
    auditor: paramiko.PKey
    fault: Fault | None = None


class Connection:
    """Serves one connection in threads of its own, until either side closes it."""

    def __init__(self, host: Host, sock: socket.socket) -> None:
        self._host = host
        self._sock = sock
        # The audit's own end of a connection, for its speed: paramiko's two sides are one class.
        self._link = Link(sock, Offer())
        self._link.add_server_key(host.key)

    def start(self) -> None:
        """Serve from now on, beside the caller."""
        threading.Thread(target=self._serve, daemon=True, name=f"sshd {self._host.machine.hostname}").start()

    def close(self) -> None:
        """Hang up."""
        self._link.close()
        self._sock.close()

    def _serve(self) -> None:
        login = _Login(self._host)
        kept: list[paramiko.Channel] = []  # a channel that nobody holds is closed by paramiko
        with contextlib.closing(self), contextlib.suppress(paramiko.SSHException, OSError, EOFError):
            self._link.start_server(server=login)
            while self._link.is_active():
                if channel := self._link.accept(_TICK_SECONDS):
                    kept.append(channel)
                    if channel.get_id() in login.streams:
                        _beside(partial(_docker, self._host, channel))


class _Login(paramiko.ServerInterface):
    """What one client may do. Called by paramiko's thread, which none of this may hold up."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.streams: set[int] = set()

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002 - the same for everybody
        """Take keys, and nothing else."""
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """Let the one auditor in."""
        known = key.asbytes() == self._host.auditor.asbytes() and username == USER
        return AUTH_SUCCESSFUL if known and self._host.fault is not Fault.LETS_NOBODY_IN else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Open sessions, and streams to the engine (the one socket that is there, whatever path was named)."""
        forwards = self._host.machine.engine and self._host.fault not in (
            Fault.NO_FORWARDING,
            Fault.NO_DOCKER_COMMAND,
        )
        if kind == _STREAMLOCAL and forwards:
            self.streams.add(chanid)
        elif kind != "session":
            return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        """Run a command beside."""
        _beside(partial(_execute, self._host, channel, command.decode(errors="replace")))
        return True


def _beside(work: Callable[[], None]) -> None:
    """Do `work` in a thread; that the other side has hung up is its end, and no error."""

    def do() -> None:
        with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
            work()

    threading.Thread(target=do, daemon=True).start()


def _execute(host: Host, channel: paramiko.Channel, command: str) -> None:
    """Answer a batch, carry a stream to the engine, or run a single command, as `ssh HOST COMMAND` does."""
    if host.fault is Fault.RUNS_NOTHING:
        return
    if command == DIAL_STDIO_COMMAND and host.machine.engine and host.fault is not Fault.NO_DOCKER_COMMAND:
        _docker(host, channel)
        return
    if command == _BATCH:
        answered = _shell(host.machine, _read(channel))
    elif command == DIAL_STDIO_COMMAND:
        answered = _NO_DOCKER
    else:
        answered = run(host.machine, tuple(shlex.split(command)))
    channel.sendall(answered.stdout.encode())
    channel.sendall_stderr(answered.stderr.encode())
    channel.send_exit_status(answered.status)
    channel.close()


def _read(channel: paramiko.Channel) -> str:
    """Read standard input to its end."""
    return b"".join(iter(lambda: channel.recv(1 << 16), b"")).decode()


def _shell(machine: Machine, text: str) -> Answered:
    """Run what a shell is given on standard input: the search for engines, or a batch."""
    if text == engine_gate.SHELL_INPUT:
        return engines(machine)
    return Answered(answer_script(text, partial(run, machine)).decode())


def _docker(host: Host, channel: paramiko.Channel) -> None:
    """Carry HTTP to the engine."""
    if host.machine.engine and host.fault not in (Fault.DOCKER_HANGS, Fault.RUNS_NOTHING):
        with contextlib.closing(channel):
            engine.serve(host.machine.engine, channel)
