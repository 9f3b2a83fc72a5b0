"""Audits in threads of their own: each asks one host, and puts what came of it into a queue."""

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
    """A way to ask hosts aside."""

    def start(self, job: Job, done: Callable[[HostAnswers], None]) -> None:
        """Begin to ask; `done` is called once, from any thread."""


@dataclass(frozen=True, slots=True)
class Auditor:
    """Asks hosts by `transport`, each within `timeout` seconds."""

    transport: Transport
    timeout: float

    def start(self, job: Job, done: Callable[[HostAnswers], None]) -> None:
        """Begin to ask; `done` is called from another thread, within the timeout and its grace, come what may."""
        # A daemon: a host that hangs must not keep the program from ending
        thread = threading.Thread(target=lambda: done(self._ask(job)), daemon=True, name=f"audit of {job.host}")
        thread.start()

    def _ask(self, job: Job) -> HostAnswers:
        return collect([job], self.transport, parallel=1, timeout=self.timeout).hosts[0]
