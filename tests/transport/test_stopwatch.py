"""Interval of the auditor's clock around a batch."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import pytest

from olaudit.model import Answered, Answers, Command, ConnectionProbe, Probe, Unanswered
from olaudit.transport import Deadline
from olaudit.transport.frames import BatchReader, encode_answer
from olaudit.transport.local import LocalTransport
from olaudit.transport.ssh import SshTransport
from olaudit.transport.ssh.settings import SshConfig
from tests.transport.sshd import Sshd

_MARKER = "0123456789abcdef"
_DATE = Command(("date", "-u", "+%s.%N"))
_DF = Command(("df", "/1"), may_hang=True)


def test_interval_ends_when_prompt_commands_are_answered() -> None:
    reader = BatchReader((_DATE, _DF), _MARKER)
    reader.feed(b"\n")
    assert isinstance(reader.clock(), Unanswered)
    reader.feed(encode_answer(0, Answered("1.0"), _MARKER))
    answer = reader.clock()
    assert isinstance(answer, Answered)
    time.sleep(0.05)
    reader.feed(encode_answer(1, Answered(""), _MARKER))
    assert reader.clock() == answer


def test_interval_starts_when_the_batch_is_sent() -> None:
    reader = BatchReader((), _MARKER)
    time.sleep(0.2)
    reader.start()
    reader.feed(b"\n")
    answer = reader.clock()
    assert isinstance(answer, Answered)
    interval = json.loads(answer.stdout)
    assert 0 <= interval["received"] - interval["sent"] < 0.2
    assert abs(interval["sent"] - time.time()) < 5


def _ask_locally(*probes: Probe) -> Answers:
    return LocalTransport().ask("host", probes, Deadline.after(1.5))


def _ask_over_ssh(config: Path, *probes: Probe) -> Answers:
    with closing(SshTransport(SshConfig(config))) as transport:
        return transport.ask("host", probes, Deadline.after(4))


@pytest.mark.parametrize("transport", ["local", "ssh"])
def test_time_of_the_host_is_within_the_interval(server: Sshd, transport: str) -> None:
    hanging = Command(("sleep", "30"), may_hang=True)
    probes = (_DATE, hanging, ConnectionProbe.CLOCK)
    answers = _ask_locally(*probes) if transport == "local" else _ask_over_ssh(server.config(), *probes)
    assert isinstance(answers[hanging], Unanswered)
    date, clock = answers[_DATE], answers[ConnectionProbe.CLOCK]
    assert isinstance(date, Answered)
    assert isinstance(clock, Answered)
    interval = json.loads(clock.stdout)
    assert interval["sent"] <= float(date.stdout) <= interval["received"] < interval["sent"] + 1.5


def test_missing_answers_leave_the_interval_unanswered() -> None:
    answers = _ask_locally(
        _DATE, Command(("sleep", "30")), ConnectionProbe.CLOCK
    )  # a command that hangs although it should not
    assert isinstance(answers[ConnectionProbe.CLOCK], Unanswered)
