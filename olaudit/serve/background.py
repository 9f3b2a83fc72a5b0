"""Work in threads of its own: audits of single hosts, and loading expected files."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from olaudit.collect import Job, collect
from olaudit.expected import FleetSpec
from olaudit.model import HostAnswers
from olaudit.serve.events import ExpectedStateLoaded
from olaudit.transport import Transport


class AuditStarter(Protocol):
    """A way to audit hosts in the background."""

    def start(self, job: Job, done: Callable[[HostAnswers], None]) -> None:
        """Start collecting answers; call `done` once, from any thread."""


@dataclass(frozen=True, slots=True)
class Auditor:
    """Collects the answers of hosts over `transport`, each within `timeout` seconds."""

    transport: Transport
    timeout: float

    def start(self, job: Job, done: Callable[[HostAnswers], None]) -> None:
        """Start collecting answers; always call `done`, from another thread, within the timeout and its grace."""
        # A daemon thread: a host that hangs must not keep the program from exiting
        thread = threading.Thread(
            target=lambda: done(self._collect(job)), daemon=True, name=f"audit of {job.host}"
        )
        thread.start()

    def _collect(self, job: Job) -> HostAnswers:
        return collect([job], self.transport, parallel=1, timeout=self.timeout).hosts[0]


class ExpectedStateLoader:
    """Loads the expected files, one load at a time: those of a large fleet take seconds."""

    def __init__(self, load: Callable[[], FleetSpec], send: Callable[[ExpectedStateLoaded], None]) -> None:
        """Call `load` in a separate thread, and `send` with its outcome."""
        self._load, self._send = load, send
        self._loading = self._again = False

    def start(self) -> None:
        """Start a load, or another one after that in progress, which may have read files before they changed."""
        self._again = self._loading
        if not self._loading:
            self._loading = True
            threading.Thread(target=self._run, daemon=True, name="reload").start()

    def finish(self) -> None:
        """Take note that the outcome was received; start the next load if one was requested meanwhile."""
        self._loading = False
        if self._again:
            self.start()

    def _run(self) -> None:
        try:
            self._send(ExpectedStateLoaded(self._load()))
        except Exception as error:  # noqa: BLE001 - handled by the thread that owns the state
            self._send(ExpectedStateLoaded(error))
