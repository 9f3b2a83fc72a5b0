"""Transport for the local machine."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from olaudit.model import Answered, Command, EngineVersion, Unanswered
from olaudit.transport import Deadline
from olaudit.transport.local import LocalTransport

HELLO = Command(("echo", "hello"))


def test_commands_are_answered_locally() -> None:
    transport = LocalTransport()
    large = Command(("head", "-c", "300000", "/dev/zero"))
    assert dict(transport.ask("ol-home0", (HELLO, large), Deadline.after(10))) == {
        HELLO: Answered("hello\n"),
        large: Answered("\0" * 300_000),
    }
    transport.close()


def test_batch_larger_than_a_pipe_does_not_deadlock() -> None:
    many = tuple(Command(("echo", str(n) * 500)) for n in range(300))
    answers = LocalTransport().ask("ol-home0", many, Deadline.after(30))
    assert all(isinstance(answer, Answered) for answer in answers.values())


def test_command_that_hangs_is_abandoned_at_the_deadline() -> None:
    started = time.monotonic()
    slow = Command(("sleep", "4"), may_hang=True)
    assert dict(LocalTransport().ask("ol-home0", (HELLO, slow), Deadline.after(1))) == {
        HELLO: Answered("hello\n"),
        slow: Unanswered("no answer within 1 s"),
    }
    assert time.monotonic() - started < 3


def test_oversized_answer_is_unanswered_locally() -> None:
    endless = Command(("cat", "/dev/zero"), may_hang=True)
    assert LocalTransport().ask("ol-home0", (endless,), Deadline.after(10))[endless] == Unanswered(
        "its answer was larger than 1 MiB"
    )


def test_unreachable_local_engine_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sock = tmp_path / "docker.sock"
    monkeypatch.setattr("olaudit.transport.local.DOCKER_SOCKET", str(sock))
    monkeypatch.setattr("olaudit.transport.engine.obstacle", lambda _: "")  # no engine runs on this machine

    def reason() -> str:
        answer = LocalTransport().ask("ol-home0", (EngineVersion(),), Deadline.after(5))[EngineVersion()]
        assert isinstance(answer, Unanswered)
        return answer.reason

    assert reason() == f"no Docker Engine listens on this machine: {sock} does not exist"
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(sock))
    assert reason() == f"cannot connect to Docker at {sock}: Connection refused"

    def forbidden(*_args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", forbidden)
    assert reason() == (
        f"no permission to use Docker: this user cannot open {sock}; add the user to the docker group"
    )
