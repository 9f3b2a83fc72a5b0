"""The service: one thread that owns the state, handles events from a queue, and publishes snapshots."""

import queue
import time
from collections.abc import Iterable
from concurrent.futures import Future
from random import Random

from olaudit.audit import plan
from olaudit.collect import Job
from olaudit.errors import ExpectedError, OlauditError
from olaudit.expected import FleetSpec
from olaudit.model import HostAnswers
from olaudit.serve.background import AuditStarter, ExpectedStateLoader
from olaudit.serve.events import (
    AuditEnded,
    Event,
    ExpectedStateLoaded,
    HostRemoved,
    Log,
    Pace,
    ProbeRequested,
    ReloadRequested,
    ServiceStopped,
    Sources,
    StopRequested,
)
from olaudit.serve.fleet_state import FleetState, retain_hosts
from olaudit.serve.slots import Slots
from olaudit.serve.snapshot import ReportBuilder, Snapshot

FRESH_SECONDS = 1.0
"""The age up to which an audit also answers later probes: a burst of probes causes one audit."""

_POLL_SECONDS = 1.0  # how often files are checked for changes
_DEAD_SECONDS = 60.0  # far longer than the evaluation of the largest fleet takes
_PUBLISH_SECONDS = 1.0  # the pause between two snapshots: audits that end in between share the next one
_IDLE_FACTOR = 2.0  # the pause is longer for a very large fleet: a multiple of the duration of its last snapshot


class Service:
    """Periodic audits of the fleet.

    Any thread may read `snapshot` and call `probe`, `reload` and `stop`. Everything else happens in the thread
    that calls `run`.
    """

    def __init__(
        self, sources: Sources, build_report: ReportBuilder, auditor: AuditStarter, pace: Pace, log: Log
    ) -> None:
        """Load the expected files and the history. Raises ExpectedError and HistoryError if that fails."""
        self._sources, self._build_report, self._auditor, self._log = sources, build_report, auditor, log
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()  # reentrant: signal handlers put into it
        self._slots, self._jobs = Slots(pace.interval), pace.jobs
        self._random = Random()  # noqa: S311 - spreads load; not for secrets
        self._ended_at: dict[str, float] = {}
        self._waiting: dict[str, list[Future[Snapshot]]] = {}
        self._running: set[str] = set()
        self._stale = False
        self._loader = ExpectedStateLoader(sources.load_expected, self._events.put)
        self._publish_at = self._poll_at = 0.0
        self._heartbeat = sources.monotonic()
        self._state = FleetState(sources.load_expected(), sources.load_history(), build_report, sources.now())
        self._assign_slots()
        self.snapshot = self._state.snapshot(sources.now())

    def probe(self, host: str) -> Future[Snapshot]:
        """Audit `host` now, or join its running audit; the future raises HostRemoved or ServiceStopped."""
        future: Future[Snapshot] = Future()
        self._events.put(ProbeRequested(host, future))
        return future

    def reload(self) -> None:
        """Load the expected files again, changed or not."""
        self._events.put(ReloadRequested())

    def stop(self) -> None:
        """Make `run` return, even while audits are running."""
        self._events.put(StopRequested())

    @property
    def alive(self) -> bool:
        """Whether the loop in `run` makes progress."""
        return self._sources.monotonic() - self._heartbeat < _DEAD_SECONDS

    @property
    def scheduled(self) -> bool:
        """Whether hosts are audited periodically, not only when they are probed."""
        return self._slots.interval > 0

    @property
    def busy(self) -> bool:
        """Whether any host is being audited."""
        return bool(self._running)

    def run(self) -> None:
        """Audit and publish until `stop` is called; probes that still wait then raise ServiceStopped."""
        running = True
        while running:
            running = self.step(self._wait())
        self._fail_probes(tuple(self._waiting), ServiceStopped())

    def step(self, event: Event | None = None) -> bool:
        """Handle all queued events and all due work; return false after StopRequested."""
        event = event or self._next_event(0.0)
        while event is not None:
            if isinstance(event, StopRequested):
                return False
            self._handle(event)
            event = self._next_event(0.0)
        now = self._heartbeat = self._sources.monotonic()
        self._start_due_audits(now)
        if now >= self._poll_at:
            self._poll_at = now + _POLL_SECONDS
            self._poll_files()
        if self._stale and now >= self._publish_at:
            self._publish()
        return True

    def _wait(self) -> Event | None:
        moments = [self._poll_at]
        if (due := self._slots.next_due(exclude=self._running)) is not None and len(self._running) < self._jobs:
            moments.append(due)
        if self._stale:
            moments.append(self._publish_at)
        return self._next_event(max(0.01, min(moments) - self._sources.monotonic()))

    def _next_event(self, seconds: float) -> Event | None:
        try:
            return self._events.get(timeout=seconds) if seconds else self._events.get_nowait()
        except queue.Empty:
            return None

    def _handle(self, event: AuditEnded | ProbeRequested | ExpectedStateLoaded | ReloadRequested) -> None:
        match event:
            case AuditEnded(answers):
                self._finish_audit(answers)
            case ProbeRequested(host, future):
                self._handle_probe(host, future)
            case ExpectedStateLoaded(outcome):
                self._finish_loading(outcome)
            case ReloadRequested():
                self._loader.start()

    # --- audits ---

    def _start_due_audits(self, now: float) -> None:
        for host in self._slots.due(now):
            if len(self._running) >= self._jobs:
                return
            if host not in self._running:
                self._start_audit(host, now)

    def _start_audit(self, host: str, now: float) -> None:
        self._running.add(host)
        self._slots.audit_started(host, now)
        probes = plan(self._state.fleet.hosts[host], self._build_report.checkers, self._build_report.check_ids)
        self._auditor.start(Job(host, probes), lambda answers: self._events.put(AuditEnded(answers)))

    def _handle_probe(self, host: str, future: Future[Snapshot]) -> None:
        if future.cancelled():
            return
        now = self._sources.monotonic()
        if host not in self._state.fleet.hosts:
            _complete(future, HostRemoved())
            return
        fresh = host in self._ended_at and now - self._ended_at[host] < FRESH_SECONDS
        if fresh and host not in self._running and not self._stale:
            _complete(future, self.snapshot)
            return
        self._waiting.setdefault(host, []).append(future)
        if host not in self._running and not fresh:
            self._start_audit(host, now)

    def _finish_audit(self, answers: HostAnswers) -> None:
        self._running.discard(answers.host)
        if answers.host not in self._state.fleet.hosts:  # removed during its audit
            return
        if message := self._state.store_answers(answers, self._sources.now()):
            self._log(message)
        self._ended_at[answers.host] = self._sources.monotonic()
        self._stale = True

    # --- snapshots ---

    def _publish(self) -> None:
        started = time.monotonic()
        previous_errors = self.snapshot.report.errors
        self.snapshot = self._state.snapshot(self._sources.now())
        for error in self.snapshot.report.errors:
            if error not in previous_errors:
                self._log(f"{error.host}: internal error while {error.activity}: {error.traceback}")
        self._stale = False
        pause = max(_PUBLISH_SECONDS, _IDLE_FACTOR * (time.monotonic() - started))
        self._publish_at = self._sources.monotonic() + pause
        for host in [host for host in self._waiting if host not in self._running]:
            for future in self._waiting.pop(host):
                _complete(future, self.snapshot)

    def _fail_probes(self, hosts: Iterable[str], error: Exception) -> None:
        for future in (future for host in hosts for future in self._waiting.pop(host, ())):
            _complete(future, error)

    # --- files ---

    def _poll_files(self) -> None:
        if self._sources.expected_watcher.changed():
            self._loader.start()
        try:
            if self._sources.history_watcher.changed():
                self._state.run_history = self._sources.load_history()
                self._stale = True
            if self._sources.web_config_watcher.changed():
                self._sources.reload_web_config()
        except OlauditError as error:  # the previous version remains in use
            self._log(error.message)

    def _finish_loading(self, outcome: FleetSpec | Exception) -> None:
        self._stale = True
        self._loader.finish()
        if isinstance(outcome, Exception):
            if not isinstance(outcome, ExpectedError):
                raise outcome  # a bug
            self._state.record_failed_reload()
            revision = self._state.fleet.revision
            self._log(f"{outcome.message}\nthe expected files are not valid: revision {revision} remains in use")
            return
        changed = self._state.replace_expected(outcome, self._sources.now())
        self._log(f"expected files reloaded: revision {outcome.revision}, {len(outcome.hosts)} hosts")
        self._ended_at = retain_hosts(self._ended_at, outcome)
        self._fail_probes([host for host in self._waiting if host not in outcome.hosts], HostRemoved())
        self._assign_slots()
        for host in changed:
            self._slots.make_due(host, self._sources.monotonic())

    def _assign_slots(self) -> None:
        hosts = self._state.fleet.hosts
        self._slots.assign(hosts, self._sources.monotonic(), {host: self._random.random() for host in hosts})


def _complete(future: Future[Snapshot], outcome: Snapshot | Exception) -> None:
    """Complete a probe's future, unless the client has cancelled it: a scrape may time out at any moment."""
    if not future.set_running_or_notify_cancel():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
