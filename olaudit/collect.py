"""Concurrent collection of answers from many hosts, each with a deadline; every failure becomes a value."""

import contextlib
import queue
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from olaudit.model import Answer, Answers, Failure, FailureReason, HostAnswers, InternalError, Probe, Unanswered
from olaudit.text import valid
from olaudit.transport import Deadline, HostFailed, Transport

GRACE_SECONDS = 1.0
"""Time that a host has after its deadline to hand over the answers that have already arrived."""

_TICK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Job:
    """The probes for one host."""

    host: str
    probes: tuple[Probe, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a collection. `waiting` lists the hosts in progress, the one that started first first."""

    done: int
    total: int
    waiting: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class CollectedAnswers:
    """The answers or failures of all hosts, sorted by host. `complete` is false after an interrupt."""

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

    Returns within the deadline of the last host plus `GRACE_SECONDS`, even if a host or a library hangs: a thread
    that does not return is abandoned. A bug affects only the host that was asked: its outcome is a Failure with an
    InternalError. An interrupt (^C) keeps the answers that have arrived and marks the other hosts as interrupted.
    """
    collection = _Collection(jobs, transport, timeout)
    try:
        while collection.in_progress or collection.waiting:
            collection.start(parallel)
            collection.receive()
            on_progress(collection.progress())
    except KeyboardInterrupt:
        collection.interrupt()
    return CollectedAnswers(
        tuple(collection.done[host] for host in sorted(collection.done)), complete=not collection.interrupted
    )


class _Collection:
    """State of one collection. Only `_ask` runs in other threads; it writes only to the queue."""

    def __init__(self, jobs: Sequence[Job], transport: Transport, timeout: float) -> None:
        self.waiting = list(reversed(jobs))
        self.in_progress: dict[str, Deadline] = {}
        self.done: dict[str, HostAnswers] = {}
        self.interrupted = False
        self._total = len(jobs)
        self._transport = transport
        self._timeout = timeout
        self._started = time.monotonic()
        self._outcomes: queue.SimpleQueue[HostAnswers] = queue.SimpleQueue()

    def start(self, parallel: int) -> None:
        """Start hosts until `parallel` are in progress."""
        while self.waiting and len(self.in_progress) < parallel:
            job = self.waiting.pop()
            deadline = self.in_progress[job.host] = Deadline.after(self._timeout)
            # a daemon thread: if it hangs in a library, the program can still exit
            threading.Thread(target=self._ask, args=(job, deadline), daemon=True, name=job.host).start()

    def _ask(self, job: Job, deadline: Deadline) -> None:
        started = time.monotonic()
        outcome: Answers | Failure
        bug: InternalError | None = None
        try:
            outcome = self._transport.ask(job.host, job.probes, deadline)
        except HostFailed as failed:
            outcome = failed.failure
        except Exception as error:  # noqa: BLE001 - a bug: it is reported, and must not affect the other hosts
            message = f"internal error in olaudit while this host was asked: {type(error).__name__}"
            outcome = Failure(FailureReason.SSH, message)
            bug = InternalError(job.host, "asking the host", "".join(traceback.format_exception(error)))
        self._outcomes.put(HostAnswers(job.host, _valid(outcome), round(time.monotonic() - started, 3), bug))

    def receive(self) -> None:
        """Wait up to `_TICK_SECONDS` for an outcome, and fail the hosts whose deadline and grace have passed."""
        with contextlib.suppress(queue.Empty):
            outcome = self._outcomes.get(timeout=_TICK_SECONDS)
            if self.in_progress.pop(outcome.host, None):
                self.done[outcome.host] = outcome
        now = time.monotonic()
        for host in [
            host for host, deadline in self.in_progress.items() if now > deadline.expires_at + GRACE_SECONDS
        ]:
            self._fail(host, Failure(FailureReason.TIMEOUT, f"no answer within {self._timeout:g} s"))

    def interrupt(self) -> None:
        """Fail all hosts that are not done as interrupted."""
        self.interrupted = True
        for host in [*self.in_progress, *(job.host for job in self.waiting)]:
            self._fail(host, Failure(FailureReason.INTERRUPTED, "interrupted before it had answered"))

    def _fail(self, host: str, failure: Failure) -> None:
        deadline = self.in_progress.pop(host, None)
        seconds = self._timeout - (deadline.expires_at - time.monotonic()) if deadline else 0.0
        self.done[host] = HostAnswers(host, failure, round(seconds, 3))

    def progress(self) -> Progress:
        """Return the current progress."""
        slowest = sorted(self.in_progress, key=lambda host: self.in_progress[host].expires_at)
        return Progress(len(self.done), self._total, tuple(slowest), time.monotonic() - self._started)


def _valid(outcome: Answers | Failure) -> Answers | Failure:
    """Replace invalid Unicode in every text of an outcome. All text from hosts passes through this function."""
    if isinstance(outcome, Failure):
        return replace(outcome, message=valid(outcome.message))
    return Answers({probe: _valid_answer(answer) for probe, answer in outcome.raw().items()})


def _valid_answer(answer: Answer) -> Answer:
    if isinstance(answer, Unanswered):
        return Unanswered(valid(answer.reason))
    return replace(answer, stdout=valid(answer.stdout), stderr=valid(answer.stderr))
