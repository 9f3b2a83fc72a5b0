"""A service over the test fleet of tests/cli/fleet.py: stepped manually with a fake clock, or over real HTTP."""

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
from olaudit.serve.background import Auditor
from olaudit.serve.events import Pace, Sources
from olaudit.serve.file_watch import FileWatcher, expected_folders
from olaudit.serve.guard import Guard
from olaudit.serve.server import HttpServer, listen
from olaudit.serve.service import Service
from olaudit.serve.snapshot import ReportBuilder
from olaudit.serve.web import Web
from olaudit.transport import Deadline, HostFailed
from tests.cli.fleet import KERNEL, UNAME

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
HostBehavior = str | Failure | threading.Event | Exception
"""A host's answer to `uname`, its failure, a bug, or an event to wait for before it answers Linux."""


class CountingTransport:
    """A transport that records the audited hosts."""

    def __init__(self, behaviors: Mapping[str, HostBehavior]) -> None:
        self.behaviors = dict(behaviors)
        self.audited: list[str] = []

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:  # noqa: ARG002 - the protocol
        self.audited.append(host)
        match self.behaviors.get(host, "Linux"):
            case Failure() as failure:
                raise HostFailed(failure.reason, failure.message)
            case Exception() as bug:
                raise bug
            case threading.Event() as event:
                event.wait(60)
                return Answers({UNAME: Answered("Linux")})
            case str() as output:
                return Answers({UNAME: Answered(output)})

    def close(self) -> None:
        pass


@dataclass
class Clock:
    """A clock that advances only when a test sets it."""

    seconds: float = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


@dataclass
class ManualAuditor:
    """An auditor without hosts: the test ends each audit and determines its outcome."""

    running: dict[str, Callable[[HostAnswers], None]] = field(default_factory=dict)
    count: int = 0

    def start(self, job: Job, done: Callable[[HostAnswers], None]) -> None:
        assert job.host not in self.running
        self.running[job.host] = done
        self.count += 1

    def end(self, host: str, answer: str | Failure = "Linux") -> None:
        outcome = answer if isinstance(answer, Failure) else Answers({UNAME: Answered(answer)})
        self.running.pop(host)(HostAnswers(host, outcome, 0.5))


@dataclass
class ServiceHarness:
    """A service with all its parts, over expected files that tests may edit."""

    expected: Path
    behaviors: Mapping[str, HostBehavior] = field(default_factory=dict)
    interval: float = 300.0
    jobs: int = 32
    timeout: float = 30.0
    clock: Clock | None = None
    users: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self.log: list[str] = []
        self.transport = CountingTransport(self.behaviors)
        check_ids = select_checks([KERNEL])
        self.build_report = ReportBuilder(checkers=[KERNEL], check_ids=check_ids, version="1.2.3")
        clock = {"now": self.clock.now, "monotonic": self.clock.monotonic} if self.clock else {"now": _now}
        watcher = FileWatcher(expected_folders(self.expected))
        sources = Sources(load_expected=self.load, expected_watcher=watcher, **clock)
        self.auditor = ManualAuditor()
        auditor = self.auditor if self.clock else Auditor(self.transport, self.timeout)
        pace = Pace(interval=self.interval, jobs=self.jobs)
        self.service = Service(sources, self.build_report, auditor, pace, self.log.append)

    def load(self) -> FleetSpec:
        return load(self.expected, [KERNEL], START.date())

    @contextmanager
    def serve(self) -> Iterator[int]:
        """Run the service and its HTTP server; yield the port."""
        listening = listen("127.0.0.1", 0)
        web = Web(self.service, self.build_report, Guard(self.users), self.log.append, timeout=self.timeout)
        thread = threading.Thread(target=self.service.run, daemon=True)
        with HttpServer(web, listening, self.tls):
            thread.start()
            try:
                yield listening.getsockname()[1]
            finally:
                self.service.stop()
                thread.join(5)
                for behavior in self.behaviors.values():
                    if isinstance(behavior, threading.Event):
                        behavior.set()


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class HttpReply:
    status: int
    headers: Mapping[str, str]
    body: str


def get(port: int, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> HttpReply:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        response = connection.getresponse()
        response_headers = {name.lower(): value for name, value in response.getheaders()}
        return HttpReply(response.status, response_headers, response.read().decode())
    finally:
        connection.close()


def parse_samples(text: str) -> dict[str, float]:
    """Parse an exposition into the value of each series."""
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {series: float(value) for series, _, value in lines}


def wait_until_ready(port: int) -> None:
    """Wait until every host was audited once."""
    end = time.monotonic() + 30
    while (reply := get(port, "/readyz")).status != 200:
        assert time.monotonic() < end, reply
        time.sleep(0.01)
