"""A service over the toy fleet of tests/cli/fleet.py: by hand, on a clock that stands still, or over real HTTP."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from olaudit.audit import select_checks
from olaudit.collect import Job
from olaudit.expected import FleetSpec, load
from olaudit.model import Answered, Answers, Failure, HostAnswers, Probe
from olaudit.serve.auditor import Auditor
from olaudit.serve.events import Pace, Sources
from olaudit.serve.file_watch import Watched, expected_files
from olaudit.serve.guard import Guard
from olaudit.serve.server import HttpServer, listen
from olaudit.serve.service import Service
from olaudit.serve.snapshot import ReportBuilder
from olaudit.serve.web import Web
from olaudit.transport import Deadline, HostFailed
from tests.cli.fleet import KERNEL, UNAME

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
Said = str | Failure | threading.Event | Exception
"""What a host answers to `uname`; how it fails; or what it waits for before it answers Linux."""


class Counted:
    """A transport that counts who was asked."""

    def __init__(self, said: Mapping[str, Said]) -> None:
        self.said = dict(said)
        self.asked: list[str] = []

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:  # noqa: ARG002 - as the protocol has it
        self.asked.append(host)
        match self.said.get(host, "Linux"):
            case Failure() as failure:
                raise HostFailed(failure.reason, failure.message)
            case Exception() as bug:
                raise bug
            case threading.Event() as event:
                event.wait(60)
                return Answers({UNAME: Answered("Linux")})
            case str() as said:
                return Answers({UNAME: Answered(said)})

    def close(self) -> None:
        pass


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    seconds: float = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


@dataclass
class ByHand:
    """Asks nobody: a test says when an audit ends, and how."""

    begun: dict[str, Callable[[HostAnswers], None]] = field(default_factory=dict)
    count: int = 0

    def start(self, job: Job, done: Callable[[HostAnswers], None]) -> None:
        assert job.host not in self.begun
        self.begun[job.host] = done
        self.count += 1

    def end(self, host: str, said: str | Failure = "Linux") -> None:
        outcome = said if isinstance(said, Failure) else Answers({UNAME: Answered(said)})
        self.begun.pop(host)(HostAnswers(host, outcome, 0.5))


@dataclass
class Toy:
    """All parts of a service over expected files that may be edited."""

    expected: Path
    said: Mapping[str, Said] = field(default_factory=dict)
    interval: float = 300.0
    jobs: int = 32
    timeout: float = 30.0
    clock: Clock | None = None
    users: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self.log: list[str] = []
        self.transport = Counted(self.said)
        self.judge = ReportBuilder(checkers=[KERNEL], wanted=select_checks([KERNEL]), version="1.2.3")
        clock = {"now": self.clock.now, "monotonic": self.clock.monotonic} if self.clock else {"now": _now}
        sources = Sources(expected=self.load, watch_expected=Watched(expected_files(self.expected)), **clock)
        self.hand = ByHand()
        asker = self.hand if self.clock else Auditor(self.transport, self.timeout)
        pace = Pace(interval=self.interval, jobs=self.jobs)
        self.service = Service(sources, self.judge, asker, pace, self.log.append)

    def load(self) -> FleetSpec:
        return load(self.expected, [KERNEL], START.date())

    @contextmanager
    def served(self) -> Iterator[int]:
        """Run it on a port of its own."""
        listening = listen("127.0.0.1", 0)
        web = Web(self.service, self.judge, Guard(self.users), self.log.append, timeout=self.timeout)
        thread = threading.Thread(target=self.service.run, daemon=True)
        with HttpServer(web, listening, self.tls):
            thread.start()
            try:
                yield listening.getsockname()[1]
            finally:
                self.service.stop()
                thread.join(5)
                for said in self.said.values():
                    if isinstance(said, threading.Event):
                        said.set()


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Got:
    status: int
    headers: Mapping[str, str]
    body: str


def get(port: int, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Got:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        response = connection.getresponse()
        said = {name.lower(): value for name, value in response.getheaders()}
        return Got(response.status, said, response.read().decode())
    finally:
        connection.close()


def samples(text: str) -> dict[str, float]:
    """Read series and their values."""
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {series: float(value) for series, _, value in lines}


def ready(port: int) -> None:
    """Wait until every host was audited once."""
    end = time.monotonic() + 30
    while (got := get(port, "/readyz")).status != 200:
        assert time.monotonic() < end, got
        time.sleep(0.01)
