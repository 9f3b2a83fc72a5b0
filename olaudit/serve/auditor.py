"""Audits of single hosts, each in its own thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from olaudit.collect import Job, collect
from olaudit.model import HostAnswers
from olaudit.transport import Transport

Log = Callable[[str], None]
"""Writes one event to the log; may be called from any thread."""


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
