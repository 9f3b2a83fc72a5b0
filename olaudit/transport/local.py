"""Transport for the local machine: the same probes as over SSH, without a connection."""

import contextlib
import os
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import IO

from olaudit.facts import engines
from olaudit.model import Answer, Answered, Answers, Command, ConnectionProbe, EngineProbe, Probe, Unanswered
from olaudit.transport import Deadline
from olaudit.transport.batch import build_script
from olaudit.transport.dispatch import dispatch
from olaudit.transport.engine import EngineUnreachable, ask_running_engine
from olaudit.transport.frames import ENDED_EARLY, BatchReader
from olaudit.transport.process import readable, run_command

_NO_ADDRESS = Unanswered("the host was audited locally, without a connection whose address could be recorded")
DOCKER_SOCKET = engines.DOCKER_SOCKET
_RETRY_SECONDS = 0.05


class LocalTransport:
    """Transport that runs the batch in a local shell and connects to the engine's socket."""

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:
        """Send all probes to this machine, which stands for `host`."""
        answers = dispatch(host, probes, deadline, partial(_run_batch, deadline), partial(_ask_engine, deadline))
        answers[ConnectionProbe.ADDRESS] = _NO_ADDRESS
        return Answers({probe: answers[probe] for probe in probes})

    def close(self) -> None:
        """Do nothing: no resource is shared between hosts."""


def _run_batch(deadline: Deadline, commands: Sequence[Command]) -> dict[Probe, Answer]:
    """Send the batch to /bin/sh, and read until it is complete or the deadline has passed."""
    marker = secrets.token_hex(16)
    reader = BatchReader(commands, marker)
    reason = deadline.exceeded
    with (
        _pipe_from(build_script(commands, marker)) as stdin,
        subprocess.Popen(["/bin/sh"], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as shell,
    ):
        assert shell.stdout  # noqa: S101 - for the type checker: it is a pipe
        stdout = shell.stdout.fileno()
        # A command on a dead mount cannot even be killed, so the end of the stream may never come.
        while not reader.complete and not reader.overflowed and readable(stdout, deadline.remaining()):
            if not (data := os.read(stdout, 65536)):
                reason = ENDED_EARLY
                break
            reader.feed(data)
        shell.kill()
    return {**reader.answers(reason), ConnectionProbe.CLOCK: reader.clock()}


def _pipe_from(text: str) -> IO[bytes]:
    """Open a file to read `text` from. A thread writes it: answers arrive before the shell has read all of it."""
    read_end, write_end = os.pipe()

    def write() -> None:
        # A shell that was killed reads no further, which ends the write with an error
        with contextlib.suppress(OSError), open(write_end, "wb") as stdin:  # noqa: PTH123 - it has no path
            stdin.write(text.encode())

    threading.Thread(target=write, daemon=True).start()
    return open(read_end, "rb")  # noqa: PTH123 - as above, and the caller closes it


def _ask_engine(deadline: Deadline, probes: Sequence[EngineProbe]) -> dict[Probe, Answer]:
    return ask_running_engine(probes, partial(_find_engines, deadline), _dial, deadline, lambda: "")


def _find_engines(deadline: Deadline) -> Answer:
    environment = {**os.environ, "LC_ALL": "C", "PATH": f"{os.environ.get('PATH', '')}:/usr/bin:/bin"}
    try:
        output = run_command(engines.PROBE.argv, deadline.remaining(), environment=environment)
    except TimeoutError:
        return Unanswered(deadline.exceeded)
    except OSError as error:
        return Unanswered(f"no shell could be started: {error.strerror}")
    return Answered(output.stdout.decode(errors="backslashreplace"), "", output.returncode)


def _dial(deadline: Deadline) -> socket.socket:
    """Connect, with retries: a blocking connect never returns if the engine accepts no connections."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    while True:
        connection.settimeout(deadline.timeout())
        try:
            connection.connect(DOCKER_SOCKET)
        except OSError as error:
            if isinstance(error, BlockingIOError) and not deadline.passed():
                time.sleep(_RETRY_SECONDS)
                continue
            connection.close()
            raise EngineUnreachable(_socket_failure(error)) from None
        return connection


def _socket_failure(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return f"no Docker Engine listens on this machine: {DOCKER_SOCKET} does not exist"
        case PermissionError():
            hint = "add the user to the docker group"
            return f"no permission to use Docker: this user cannot open {DOCKER_SOCKET}; {hint}"
        case _:
            return f"cannot connect to Docker at {DOCKER_SOCKET}: {error.strerror or error}"
