from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import pytest

from olaudit.model import Answered, Answers, Command, ConnectionProbe, Probe, Unanswered
from olaudit.transport import Deadline
from olaudit.transport.frames import Reader, frame
from olaudit.transport.local import LocalTransport
from olaudit.transport.ssh import SshTransport
from olaudit.transport.ssh.settings import SshConfig
from olaudit.transport.stopwatch import Stopwatch
from tests.transport.sshd import Sshd

_MARKER = "0123456789abcdef"
_DATE = Command(("date", "-u", "+%s.%N"))
_DF = Command(("df", "/1"), may_hang=True)


def test_the_span_ends_when_all_that_cannot_hang_is_answered() -> None:
    reader, watch = Reader((_DATE, _DF), _MARKER), Stopwatch()
    watch.look(reader)
    assert isinstance(watch.answer(), Unanswered)
    reader.feed(frame(0, Answered("1.0"), _MARKER))
    watch.look(reader)
    answer = watch.answer()
    assert isinstance(answer, Answered)
    time.sleep(0.05)
    reader.feed(frame(1, Answered(""), _MARKER))
    watch.look(reader)
    assert watch.answer() == answer


def test_the_span_is_measured_from_when_the_batch_was_sent() -> None:
    watch = Stopwatch()
    time.sleep(0.2)
    watch.start()
    watch.look(Reader((), _MARKER))
    answer = watch.answer()
    assert isinstance(answer, Answered)
    said = json.loads(answer.stdout)
    assert 0 <= said["received"] - said["sent"] < 0.2
    assert abs(said["sent"] - time.time()) < 5


def _here(*probes: Probe) -> Answers:
    return LocalTransport().ask("here", probes, Deadline.after(1.5))


def _by_ssh(config: Path, *probes: Probe) -> Answers:
    with closing(SshTransport(SshConfig(config))) as transport:
        return transport.ask("host", probes, Deadline.after(4))


@pytest.mark.parametrize("way", ["here", "by ssh"])
def test_the_hosts_time_is_within_the_span_and_a_dead_mount_does_not_cost_it(server: Sshd, way: str) -> None:
    hanging = Command(("sleep", "30"), may_hang=True)
    probes = (_DATE, hanging, ConnectionProbe.CLOCK)
    answers = _here(*probes) if way == "here" else _by_ssh(server.config(), *probes)
    assert isinstance(answers[hanging], Unanswered)
    date, clock = answers[_DATE], answers[ConnectionProbe.CLOCK]
    assert isinstance(date, Answered)
    assert isinstance(clock, Answered)
    said = json.loads(clock.stdout)
    assert said["sent"] <= float(date.stdout) <= said["received"] < said["sent"] + 1.5


def test_without_the_hosts_answers_there_is_no_span() -> None:
    answers = _here(_DATE, Command(("sleep", "30")), ConnectionProbe.CLOCK)  # what was not to hang, and did
    assert isinstance(answers[ConnectionProbe.CLOCK], Unanswered)
