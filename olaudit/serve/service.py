"""The service: one thread that owns what is known, takes events from a queue, and publishes snapshots."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from random import Random

from olaudit.audit import plan
from olaudit.collect import Job
from olaudit.errors import ExpectedError, OlauditError
from olaudit.expected import FleetSpec
from olaudit.model import HostAnswers
from olaudit.serve.auditor import AuditStarter, Log
from olaudit.serve.events import Ended, Event, Gone, Loaded, Pace, Reload, Sources, Stop, Stopped, Wanted
from olaudit.serve.fleet_state import FleetState, only
from olaudit.serve.slots import Slots
from olaudit.serve.snapshot import ReportBuilder, Snapshot

FRESH_SECONDS = 1.0
"""An audit that ended so short a time ago answers a probe too: a burst of them costs a host one audit."""

_LOOK_SECONDS = 1.0  # how often files are looked at
_DEAD_SECONDS = 60.0  # far longer than the largest fleet takes to be judged
_SHARE = 2.0  # after a judgement, as many times its duration is left to others


class Service:
    """The fleet, as far as it is known. `snapshot` may be read, and `probe`, `reload`, `stop` be called, anywhere.

    All else happens in the thread that calls `run`.
    """

    def __init__(self, sources: Sources, judge: ReportBuilder, asker: AuditStarter, pace: Pace, log: Log) -> None:
        """Read the expected files. Raises ExpectedError if they are not valid, and OlauditError of the history."""
        self._sources, self._build_report, self._asker, self._log = sources, judge, asker, log
        self._jobs = pace.jobs
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()  # may be put to by a signal's handler
        self._slots = Slots(pace.interval)
        self._random = Random()  # noqa: S311 - spreads load, and keeps no secret
        self._ended: dict[str, float] = {}
        self._waiting: dict[str, list[Future[Snapshot]]] = {}
        self._running: set[str] = set()
        self._stale = self._loading = self._again = False
        self._judge_at = self._look_at = 0.0
        self._beat = sources.monotonic()
        self._known = FleetState(sources.expected(), sources.run_history(), judge, sources.now())
        self._place()
        self.snapshot = self._known.snapshot(sources.now())

    # --- for any thread ---

    def probe(self, host: str) -> Future[Snapshot]:
        """Audit `host` now, or join the audit that is under way; the future raises Gone or Stopped."""
        future: Future[Snapshot] = Future()
        self._events.put(Wanted(host, future))
        return future

    def reload(self) -> None:
        """Read the expected files anew, changed or not."""
        self._events.put(Reload())

    def stop(self) -> None:
        """End `run`, whatever is under way."""
        self._events.put(Stop())

    @property
    def alive(self) -> bool:
        """Say whether `run` goes on."""
        return self._sources.monotonic() - self._beat < _DEAD_SECONDS

    @property
    def scheduled(self) -> bool:
        """Say whether hosts are audited by the clock, not only when they are probed."""
        return self._slots.interval > 0

    @property
    def busy(self) -> bool:
        """Say whether hosts are being audited."""
        return bool(self._running)

    # --- for its own thread ---

    def run(self) -> None:
        """Audit and publish until it is stopped. Who waits for a host then is told so."""
        going = True
        while going:
            going = self.step(self._wait())
        self._refuse(tuple(self._waiting), Stopped())

    def step(self, event: Event | None = None) -> bool:
        """Do all that is to be done now; false once it is to stop."""
        event = event or self._next_event(0.0)
        while event is not None:
            if isinstance(event, Stop):
                return False
            self._take(event)
            event = self._next_event(0.0)
        now = self._beat = self._sources.monotonic()
        self._begin(now)
        if now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            self._look()
        if self._stale and now >= self._judge_at:
            self._publish()
        return True

    def _wait(self) -> Event | None:
        moments = [self._look_at]
        if (due := self._slots.next(but=self._running)) is not None and len(self._running) < self._jobs:
            moments.append(due)
        if self._stale:
            moments.append(self._judge_at)
        return self._next_event(max(0.01, min(moments) - self._sources.monotonic()))

    def _next_event(self, seconds: float) -> Event | None:
        try:
            return self._events.get(timeout=seconds) if seconds else self._events.get_nowait()
        except queue.Empty:
            return None

    def _take(self, event: Ended | Wanted | Loaded | Reload) -> None:
        match event:
            case Ended(answers):
                self._end(answers)
            case Wanted(host, future):
                self._want(host, future)
            case Loaded(outcome):
                self._load(outcome)
            case Reload():
                self._begin_loading()

    # --- audits ---

    def _begin(self, now: float) -> None:
        for host in self._slots.due(now):
            if len(self._running) >= self._jobs:
                return
            if host not in self._running:
                self._start(host, now)

    def _start(self, host: str, now: float) -> None:
        self._running.add(host)
        self._slots.audited(host, now)
        job = Job(
            host, plan(self._known.fleet.hosts[host], self._build_report.checkers, self._build_report.wanted)
        )
        self._asker.start(job, lambda answers: self._events.put(Ended(answers)))

    def _want(self, host: str, future: Future[Snapshot]) -> None:
        if future.cancelled():
            return
        now = self._sources.monotonic()
        if host not in self._known.fleet.hosts:
            _settle(future, Gone())
            return
        fresh = host in self._ended and now - self._ended[host] < FRESH_SECONDS
        if fresh and host not in self._running and not self._stale:
            _settle(future, self.snapshot)
            return
        self._waiting.setdefault(host, []).append(future)
        if host not in self._running and not fresh:
            self._start(host, now)

    def _end(self, answers: HostAnswers) -> None:
        self._running.discard(answers.host)
        if answers.host not in self._known.fleet.hosts:  # it went while it was asked
            return
        if said := self._known.take(answers, self._sources.now()):
            self._log(said)
        self._ended[answers.host] = self._sources.monotonic()
        self._stale = True

    # --- what is published ---

    def _publish(self) -> None:
        started = time.monotonic()
        before = self.snapshot.report.errors
        self.snapshot = self._known.snapshot(self._sources.now())
        for error in self.snapshot.report.errors:
            if error not in before:
                self._log(f"{error.host}: internal error while {error.activity}: {error.traceback}")
        self._stale = False
        # a fleet so large that judging takes seconds must leave time for everything else
        self._judge_at = self._sources.monotonic() + _SHARE * (time.monotonic() - started)
        for host in [host for host in self._waiting if host not in self._running]:
            for future in self._waiting.pop(host):
                _settle(future, self.snapshot)

    def _refuse(self, hosts: Iterable[str], error: Exception) -> None:
        for future in (future for host in hosts for future in self._waiting.pop(host, ())):
            _settle(future, error)

    # --- files ---

    def _look(self) -> None:
        if self._sources.watch_expected.changed():
            self._begin_loading()
        try:
            if self._sources.watch_run_history.changed():
                self._known.run_history = self._sources.run_history()
                self._stale = True
            if self._sources.watch_refresh.changed():
                self._sources.refresh()
        except OlauditError as error:  # what was before stays
            self._log(error.message)

    def _begin_loading(self) -> None:
        self._again = self._loading  # what is being read now may be older than what we are told of
        if not self._loading:
            self._loading = True
            threading.Thread(target=self._read, daemon=True, name="reload").start()

    def _read(self) -> None:
        """Read the files, aside: a large fleet's take seconds."""
        try:
            self._events.put(Loaded(self._sources.expected()))
        except Exception as error:  # noqa: BLE001 - told apart by the thread that owns the state
            self._events.put(Loaded(error))

    def _load(self, outcome: FleetSpec | Exception) -> None:
        self._loading = False
        self._stale = True
        if self._again:
            self._begin_loading()
        if isinstance(outcome, Exception):
            if not isinstance(outcome, ExpectedError):
                raise outcome  # a bug
            self._known.keep()
            revision = self._known.fleet.revision
            self._log(f"{outcome.message}\nthe expected files are not valid: revision {revision} stays in use")
            return
        changed = self._known.expect(outcome, self._sources.now())
        self._log(f"expected files reloaded: revision {outcome.revision}, {len(outcome.hosts)} hosts")
        self._ended = only(self._ended, outcome)
        self._refuse([host for host in self._waiting if host not in outcome.hosts], Gone())
        self._place()
        for host in changed:
            self._slots.hurry(host, self._sources.monotonic())

    def _place(self) -> None:
        hosts = self._known.fleet.hosts
        self._slots.place(hosts, self._sources.monotonic(), {host: self._random.random() for host in hosts})


def _settle(future: Future[Snapshot], outcome: Snapshot | Exception) -> None:
    """Answer whoever waits, if somebody still does: a scrape gives up when it likes."""
    if not future.set_running_or_notify_cancel():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
