"""Transport over SSH: per host one connection, one batch of commands, and parallel requests to Docker's API."""

import secrets
from collections.abc import Sequence
from functools import partial

import paramiko

from olaudit.model import (
    Answer,
    Answered,
    Answers,
    Command,
    ConnectionProbe,
    EngineProbe,
    FailureReason,
    Probe,
    Unanswered,
)
from olaudit.transport import Deadline, HostFailed
from olaudit.transport.batch import build_script
from olaudit.transport.dispatch import dispatch
from olaudit.transport.engine import ask_running_engine
from olaudit.transport.frames import ENDED_EARLY, BatchReader
from olaudit.transport.reasons import describe_error, single_line
from olaudit.transport.ssh.connect import Connector
from olaudit.transport.ssh.engine_access import EngineAccess
from olaudit.transport.ssh.host import Settings
from olaudit.transport.ssh.link import Link
from olaudit.transport.ssh.settings import SshConfig

_CONNECTION_ENDED = "the connection ended before this was answered"
_LOGIN_ACCEPTED = "the login was accepted, but"
_MAX_LOGIN_OUTPUT = 4096


class SshTransport:
    """Transport over SSH for any number of hosts and threads."""

    def __init__(self, config: SshConfig) -> None:
        self._connector = Connector(config)

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:
        """Send all `probes` to `host` in one round trip and return the answers. Raises HostFailed."""
        link, settings = self._connector.connect(host, deadline)
        address = _address(link, settings)
        engine = EngineAccess(link, settings.user, deadline)

        def ask_engine(probes: Sequence[EngineProbe]) -> dict[Probe, Answer]:
            return ask_running_engine(probes, engine.find_engines, engine.dial, deadline, engine.explain)

        try:
            answers = dispatch(host, probes, deadline, partial(_run_batch, link, engine, deadline), ask_engine)
        finally:
            link.close()
        answers[ConnectionProbe.ADDRESS] = address
        host_answers = [answers[probe] for probe in probes if isinstance(probe, Command | EngineProbe)]
        answered = any(isinstance(answer, Answered) for answer in host_answers)
        if host_answers and deadline.passed() and not answered:
            raise HostFailed(
                FailureReason.TIMEOUT,
                f"{settings} accepted the login, but answered nothing within {deadline.seconds:g} s",
            )
        return Answers({probe: answers[probe] for probe in probes})

    def close(self) -> None:
        """Close the connections to jump hosts."""
        self._connector.close()


def _address(link: Link, settings: Settings) -> Answer:
    """Return the IP address of the host; Unanswered if the connection is not direct."""
    if settings.intermediary:
        return Unanswered(f"reached through {settings.intermediary}, so the address of the host is not known")
    try:
        return Answered(str(link.getpeername()[0]))
    except OSError as error:
        return Unanswered(f"{_CONNECTION_ENDED}: {describe_error(error)}")


def _run_batch(
    link: Link, engine: EngineAccess, deadline: Deadline, commands: Sequence[Command]
) -> dict[Probe, Answer]:
    """Send the batch, and read its answers until the last one or the deadline. Raises HostFailed."""
    marker = secrets.token_hex(16)
    reader = BatchReader(commands, marker)
    reason = _CONNECTION_ENDED
    login_output = b""  # output of the login shell before the batch
    channel = None
    try:
        channel = link.execute("exec /bin/sh", deadline.remaining())
        channel.settimeout(deadline.timeout())
        reader.start()
        engine.batch_opened()
        channel.sendall(build_script(commands, marker).encode())
        channel.shutdown_write()
        while not reader.complete and not reader.overflowed:
            channel.settimeout(deadline.timeout())
            if not (data := channel.recv(1 << 16)):
                if not reader.started:
                    raise HostFailed(FailureReason.SSH, _no_shell(link, channel, login_output))
                reason = ENDED_EARLY if link.is_active() else _connection_ended(link)
                break
            login_output = login_output if reader.started else (login_output + data)[:_MAX_LOGIN_OUTPUT]
            reader.feed(data)
    except TimeoutError:
        reason = deadline.exceeded
    except paramiko.ChannelException as error:
        why = f"{single_line(error.text)}: see MaxSessions in its sshd_config"
        raise HostFailed(FailureReason.SSH, f"{_LOGIN_ACCEPTED} the server opens no session: {why}") from None
    except (paramiko.SSHException, OSError, EOFError) as error:
        if channel and not reader.started:  # the session or the connection ended before the batch was sent
            raise HostFailed(FailureReason.SSH, _no_shell(link, channel, login_output)) from None
        reason = f"{_CONNECTION_ENDED}: {describe_error(error)}"
    finally:
        engine.batch_done()
    return {**reader.answers(reason), ConnectionProbe.CLOCK: reader.clock()}


def _connection_ended(link: Link) -> str:
    """Render that the connection ended, with the server's message or the error that ended it."""
    error = link.get_exception()
    no_error = error is None or isinstance(error, EOFError)
    why = link.disconnect_message or ("" if no_error else describe_error(error))
    return f"{_CONNECTION_ENDED}: {why}" if why else _CONNECTION_ENDED


def _no_shell(link: Link, channel: paramiko.Channel, login_output: bytes) -> str:
    """Explain why a login shell ran nothing: nologin, a forced command, a missing /bin/sh."""
    errors = b""
    while channel.recv_stderr_ready() and len(errors) < _MAX_LOGIN_OUTPUT:
        errors += channel.recv_stderr(_MAX_LOGIN_OUTPUT)
    # A session that ended before the batch was sent has output that was not read yet.
    while link.is_active() and channel.recv_ready() and len(login_output) < _MAX_LOGIN_OUTPUT:
        login_output += channel.recv(_MAX_LOGIN_OUTPUT)
    text = single_line(errors) or single_line(login_output)
    ended = "" if link.is_active() else _connection_ended(link)
    if ended and (ended != _CONNECTION_ENDED or not text):  # an error of the connection is the better reason
        return f"{_LOGIN_ACCEPTED} {ended}"
    return f"{_LOGIN_ACCEPTED} the host runs no command: {text or 'the session ended without any output'}"
