"""Asks many hosts at once, each under its own deadline; every failure becomes a value."""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from olaudit.model import (
    Answer,
    Answered,
    Answers,
    Failure,
    FailureReason,
    HostAnswers,
    InternalError,
    Probe,
    Unanswered,
)
from olaudit.text import valid
from olaudit.transport import Deadline, HostFailed, Transport

GRACE_SECONDS = 1.0
"""How long after its deadline a host is waited for, so that what it did answer is kept."""

_TICK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Job:
    """What to ask of one host."""

    host: str
    probes: tuple[Probe, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a collection is. `waiting` names the hosts under way, the longest under way first."""

    done: int
    total: int
    waiting: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class CollectedAnswers:
    """What came back, sorted by host. `complete` is false after an interrupt."""

    hosts: tuple[HostAnswers, ...]
    complete: bool


ProgressCallback = Callable[[Progress], None]


def collect(
    jobs: Sequence[Job],
    transport: Transport,
    *,
    parallel: int,
    timeout: float,
    on_progress: ProgressCallback = lambda _: None,
) -> CollectedAnswers:
    """Ask the hosts of all `jobs`, `parallel` at a time, each for at most `timeout` seconds.

    Returns within the last host's deadline and its grace, whatever any host or library does: a thread that
    does not come back is left behind. A bug costs the host that was asked: it becomes a
    Failure with its error. An interrupt (^C) keeps what was answered and marks the rest.
    """
    run = _Run(jobs, transport, timeout)
    try:
        while run.under_way or run.waiting:
            run.start(parallel)
            run.take()
            on_progress(run.progress())
    except KeyboardInterrupt:
        run.interrupt()
    return CollectedAnswers(tuple(run.done[host] for host in sorted(run.done)), complete=not run.interrupted)


class _Run:
    """One collection. Only `_ask` runs in other threads, and it touches nothing but the queue."""

    def __init__(self, jobs: Sequence[Job], transport: Transport, timeout: float) -> None:
        self.waiting = list(reversed(jobs))
        self.under_way: dict[str, Deadline] = {}
        self.done: dict[str, HostAnswers] = {}
        self.interrupted = False
        self._total = len(jobs)
        self._transport = transport
        self._timeout = timeout
        self._started = time.monotonic()
        self._outcomes: queue.SimpleQueue[HostAnswers] = queue.SimpleQueue()

    def start(self, parallel: int) -> None:
        """Start hosts until `parallel` are under way."""
        while self.waiting and len(self.under_way) < parallel:
            job = self.waiting.pop()
            deadline = self.under_way[job.host] = Deadline.after(self._timeout)
            # A daemon: one that hangs in a library must not keep the program from ending
            threading.Thread(target=self._ask, args=(job, deadline), daemon=True, name=job.host).start()

    def _ask(self, job: Job, deadline: Deadline) -> None:
        started = time.monotonic()
        outcome: Answers | Failure
        bug: InternalError | None = None
        try:
            outcome = self._transport.ask(job.host, job.probes, deadline)
        except HostFailed as failed:
            outcome = failed.failure
        except Exception as error:  # noqa: BLE001 - a bug: it is reported, and must not cost the other hosts
            outcome, bug = _internal_error(job.host, error)
        self._outcomes.put(HostAnswers(job.host, _valid(outcome), round(time.monotonic() - started, 3), bug))

    def take(self) -> None:
        """Wait a moment for an outcome, and give up on hosts whose time has passed."""
        try:
            outcome = self._outcomes.get(timeout=_TICK_SECONDS)
        except queue.Empty:
            pass
        else:
            if self.under_way.pop(outcome.host, None):
                self.done[outcome.host] = outcome
        now = time.monotonic()
        for host in [host for host, deadline in self.under_way.items() if now > deadline.at + GRACE_SECONDS]:
            self._fail(host, Failure(FailureReason.TIMEOUT, f"no answer within {self._timeout:g} s"))

    def interrupt(self) -> None:
        """Mark all that is not done."""
        self.interrupted = True
        for host in [*self.under_way, *(job.host for job in self.waiting)]:
            self._fail(host, Failure(FailureReason.INTERRUPTED, "interrupted before it had answered"))

    def _fail(self, host: str, failure: Failure) -> None:
        deadline = self.under_way.pop(host, None)
        seconds = self._timeout - (deadline.at - time.monotonic()) if deadline else 0.0
        self.done[host] = HostAnswers(host, failure, round(seconds, 3))

    def progress(self) -> Progress:
        """Say how far it is."""
        slowest = sorted(self.under_way, key=lambda host: self.under_way[host].at)
        return Progress(len(self.done), self._total, tuple(slowest), time.monotonic() - self._started)


def _internal_error(host: str, error: Exception) -> tuple[Failure, InternalError]:
    """Describe a bug that occurred while `host` was asked."""
    reason = f"internal error in olaudit while this host was asked: {type(error).__name__}"
    details = "".join(traceback.format_exception(error))
    return Failure(FailureReason.SSH, reason), InternalError(host, "asking the host", details)


def _valid(outcome: Answers | Failure) -> Answers | Failure:
    """Make every text that came from a host valid Unicode: this is the one door through which all of it passes."""
    match outcome:
        case Failure(reason, message):
            return Failure(reason, valid(message))
        case Answers():
            return Answers({probe: _valid_answer(answer) for probe, answer in outcome.raw().items()})


def _valid_answer(answer: Answer) -> Answer:
    match answer:
        case Answered(stdout, stderr, status):
            return Answered(valid(stdout), valid(stderr), status)
        case Unanswered(reason):
            return Unanswered(valid(reason))
