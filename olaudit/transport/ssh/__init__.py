"""Asking a host over SSH: one connection, one batch of commands, and Docker's API beside it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import paramiko

from olaudit.model import (
    Answer,
    Answered,
    Answers,
    Command,
    ConnectionProbe,
    EngineProbe,
    FailureReason,
    Lookup,
    Probe,
    Unanswered,
)
from olaudit.transport import HostFailed
from olaudit.transport.batch import script
from olaudit.transport.beside import Beside, answers_of
from olaudit.transport.engine import ask_running_engine
from olaudit.transport.frames import ENDED_EARLY, Reader
from olaudit.transport.names import look_up
from olaudit.transport.reasons import describe, one_line
from olaudit.transport.ssh.connect import Connector
from olaudit.transport.ssh.docker_stream import DockerStream
from olaudit.transport.ssh.engine_gate import EngineGate
from olaudit.transport.stopwatch import Stopwatch

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.host import Settings
    from olaudit.transport.ssh.link import Link
    from olaudit.transport.ssh.settings import SshConfig

_BROKE_OFF = "the connection broke off before this was answered"
_LET_IN = "the login was accepted, but"
_MOST_TEXT = 4096


class SshTransport:
    """Asks any number of hosts, from any number of threads."""

    def __init__(self, config: SshConfig) -> None:
        self._connector = Connector(config)

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:
        """Ask `host` every probe in one round trip. Raises HostFailed where it cannot be asked at all."""
        link, settings = self._connector.connect(host, deadline)
        commands = tuple(probe for probe in probes if isinstance(probe, Command))
        engine = tuple(probe for probe in probes if isinstance(probe, EngineProbe))
        lookups = tuple(probe for probe in probes if isinstance(probe, Lookup))
        answers: dict[Probe, Answer] = {ConnectionProbe.ADDRESS: _address(link, settings)}
        gate = EngineGate(link, deadline)
        watch = _BatchWatch(gate)
        names = Beside(f"names {host}", partial(look_up, lookups, deadline))
        docker = _ask_engine(engine, gate, DockerStream(link, settings.user, deadline), deadline)
        try:
            try:
                said = _run(link, commands, deadline, watch)
            finally:
                gate.batch_done()
            said |= answers_of(docker, engine, deadline)
            answers |= said | answers_of(names, lookups, deadline) | {ConnectionProbe.CLOCK: watch.answer()}
        finally:
            link.close()
        if said and deadline.passed() and not any(isinstance(one, Answered) for one in said.values()):
            raise HostFailed(
                FailureReason.TIMEOUT, f"{settings} lets one in, but answers nothing within {deadline.seconds:g} s"
            )
        return Answers({probe: answers[probe] for probe in probes})

    def close(self) -> None:
        """Close the connections to jump hosts."""
        self._connector.close()


class _BatchWatch(Stopwatch):
    """Started when the batch is sent, and so when it has its session."""

    def __init__(self, gate: EngineGate) -> None:
        self._gate: EngineGate | None = None
        super().__init__()
        self._gate = gate

    def start(self) -> None:
        """Take the time, and let the gate open its session."""
        super().start()
        if self._gate:
            self._gate.batch_opened()


def _ask_engine(
    wanted: Sequence[EngineProbe], gate: EngineGate, stream: DockerStream, deadline: Deadline
) -> Beside[dict[Probe, Answer]] | None:
    """Begin to ask the engine, beside the batch."""
    if not wanted:
        return None
    ask = partial(ask_running_engine, wanted, gate.look, stream.dial, deadline, stream.explain)
    return Beside("engine of a host", ask)


def _address(link: Link, settings: Settings) -> Answer:
    """Give the address at the other end of the connection; behind a jump host there is none of our own."""
    if settings.via:
        return Unanswered(f"reached through {settings.via}, so not at an address of ours")
    try:
        return Answered(str(link.getpeername()[0]))
    except OSError as error:
        return Unanswered(f"{_BROKE_OFF}: {describe(error)}")


def _run(link: Link, commands: tuple[Command, ...], deadline: Deadline, watch: Stopwatch) -> dict[Probe, Answer]:
    """Run the batch and read its answers as they come, until the last one or the deadline."""
    marker = secrets.token_hex(16)
    reader = Reader(commands, marker)
    reason = _BROKE_OFF
    login = b""  # what was printed before the batch ran
    channel = None
    try:
        channel = link.execute("exec /bin/sh", deadline.left())
        channel.settimeout(max(0.001, deadline.left()))
        watch.start()
        channel.sendall(script(commands, marker).encode())
        channel.shutdown_write()
        while not reader.complete and not reader.overflowed:
            channel.settimeout(max(0.001, deadline.left()))
            if not (data := channel.recv(1 << 16)):
                if not reader.started:
                    raise HostFailed(FailureReason.SSH, _no_shell(link, channel, login))
                reason = ENDED_EARLY if link.is_active() else _broke_off(link)
                break
            login = login if reader.started else (login + data)[:_MOST_TEXT]
            reader.feed(data)
            watch.look(reader)
    except TimeoutError:
        reason = f"no answer within {deadline.seconds:g} s"
    except paramiko.ChannelException as error:
        why = f"{describe(error)}: see MaxSessions in its sshd_config"
        raise HostFailed(FailureReason.SSH, f"{_LET_IN} no session is opened there: {why}") from None
    except (paramiko.SSHException, OSError, EOFError) as error:
        if channel and link.is_active() and not reader.started:  # it had ended before it was told anything
            raise HostFailed(FailureReason.SSH, _no_shell(link, channel, login)) from None
        reason = f"{_BROKE_OFF}: {describe(error)}"
    return reader.answers(reason)


def _broke_off(link: Link) -> str:
    """Say that the connection ended, with the text of the server or the error that ended it."""
    error = link.get_exception()
    why = link.farewell or ("" if error is None or isinstance(error, EOFError) else describe(error))
    return f"{_BROKE_OFF}: {why}" if why else _BROKE_OFF


def _no_shell(link: Link, channel: paramiko.Channel, login: bytes) -> str:
    """Say why a login shell ran nothing: nologin, a forced command, a missing /bin/sh."""
    errors = b""
    while channel.recv_stderr_ready() and len(errors) < _MOST_TEXT:
        errors += channel.recv_stderr(_MOST_TEXT)
    while channel.recv_ready() and len(login) < _MOST_TEXT:  # not read yet where sending the batch failed first
        login += channel.recv(_MOST_TEXT)
    if text := one_line(errors) or one_line(login):
        return f"{_LET_IN} no command is run there: {text}"
    if not link.is_active():
        return f"{_LET_IN} {_broke_off(link)}"
    return f"{_LET_IN} no command is run there: the session ended without any output"
