"""Asking this very machine: the same probes, without SSH."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import IO, TYPE_CHECKING

from olaudit import engine_process
from olaudit.model import (
    Answer,
    Answered,
    Answers,
    Command,
    ConnectionProbe,
    EngineProbe,
    Lookup,
    Probe,
    Unanswered,
)
from olaudit.transport.batch import script
from olaudit.transport.beside import Beside, answers_of
from olaudit.transport.engine import NoEngine, ask_running_engine
from olaudit.transport.frames import ENDED_EARLY, Reader
from olaudit.transport.names import look_up
from olaudit.transport.polling import readable
from olaudit.transport.stopwatch import Stopwatch

if TYPE_CHECKING:
    from olaudit.transport import Deadline

_HERE = Unanswered("asked on this very machine, which was not reached at any address")
DOCKER_SOCKET = engine_process.DOCKER_SOCKET
_RETRY_SECONDS = 0.05


class LocalTransport:
    """Runs the batch in a shell of its own here, and dials the engine's socket."""

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:  # noqa: ARG002 - there is but one
        """Ask this machine as `host`."""
        commands = tuple(probe for probe in probes if isinstance(probe, Command))
        engine = tuple(probe for probe in probes if isinstance(probe, EngineProbe))
        lookups = tuple(probe for probe in probes if isinstance(probe, Lookup))
        names = Beside("names", partial(look_up, lookups, deadline))
        docker = Beside("engine of this machine", partial(_ask_engine, engine, deadline)) if engine else None
        answers: dict[Probe, Answer] = {ConnectionProbe.ADDRESS: _HERE, **_run(commands, deadline)}
        answers |= answers_of(names, lookups, deadline) | answers_of(docker, engine, deadline)
        return Answers({probe: answers[probe] for probe in probes})

    def close(self) -> None:
        """Nothing is kept open."""


def _run(commands: tuple[Command, ...], deadline: Deadline) -> dict[Probe, Answer]:
    """Feed the batch to /bin/sh and read until it is complete, or time is up."""
    marker = secrets.token_hex(16)
    reader = Reader(commands, marker)
    watch = Stopwatch()
    reason = f"no answer within {deadline.seconds:g} s"
    with (
        _fed(script(commands, marker)) as stdin,
        subprocess.Popen(["/bin/sh"], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as shell,
    ):
        assert shell.stdout  # noqa: S101 - for the type checker: it is a pipe
        out = shell.stdout.fileno()
        # A command on a dead mount cannot even be killed, so the end of the stream may never come.
        while not reader.complete and not reader.overflowed and readable(out, deadline.left()):
            if not (data := os.read(out, 65536)):
                reason = ENDED_EARLY
                break
            reader.feed(data)
            watch.look(reader)
        shell.kill()
    return {**reader.answers(reason), ConnectionProbe.CLOCK: watch.answer()}


def _fed(text: str) -> IO[bytes]:
    """Give a file to read `text` from. It is written from aside: answers come before all of it was read."""
    reading, writing = os.pipe()

    def write() -> None:
        # a shell that was ended reads no more; nobody else has this end of the pipe, or could trip over it
        with contextlib.suppress(OSError), open(writing, "wb") as stdin:  # noqa: PTH123 - it has no path
            stdin.write(text.encode())

    threading.Thread(target=write, daemon=True).start()
    return open(reading, "rb")  # noqa: PTH123 - as above, and the caller closes it


def _ask_engine(wanted: Sequence[EngineProbe], deadline: Deadline) -> dict[Probe, Answer]:
    return ask_running_engine(wanted, partial(_look, deadline), _dial, deadline, lambda: "")


def _look(deadline: Deadline) -> Answer:
    """Run the script of `engine_process` here."""
    environment = {**os.environ, "LC_ALL": "C", "PATH": f"{os.environ.get('PATH', '')}:/usr/bin:/bin"}
    try:
        done = subprocess.run(
            engine_process.PROBE.argv,
            check=False,
            env=environment,
            timeout=deadline.left(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return Unanswered(f"no answer within {deadline.seconds:g} s")
    except OSError as error:
        return Unanswered(f"no shell could be started: {error.strerror}")
    return Answered(done.stdout.decode(errors="backslashreplace"), "", done.returncode)


def _dial(deadline: Deadline) -> socket.socket:
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _connect(stream, deadline)
    except FileNotFoundError:
        stream.close()
        raise NoEngine(f"no Docker Engine listens here: there is no {DOCKER_SOCKET}") from None
    except PermissionError:
        stream.close()
        raise NoEngine(
            f"no right to ask Docker: {DOCKER_SOCKET} is closed to this user; add it to the docker group"
        ) from None
    except OSError as error:
        stream.close()
        raise NoEngine(f"Docker does not listen at {DOCKER_SOCKET}: {error.strerror or error}") from None
    return stream


def _connect(stream: socket.socket, deadline: Deadline) -> None:
    """Connect. A blocking connect would wait without end where the engine accepts no more connections."""
    while True:
        stream.settimeout(max(0.001, deadline.left()))
        try:
            stream.connect(DOCKER_SOCKET)
        except BlockingIOError:
            if deadline.passed():
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return
