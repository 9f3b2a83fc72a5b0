"""Audits in threads of their own: each asks one host, and puts what came of it into a queue."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from olaudit.collect import Job, collect
from olaudit.model import Failure, HostAnswers, Reason
from olaudit.transport import Transport

Log = Callable[[str], None]
"""Says one event to whoever runs us; may be called from any thread."""


class Asks(Protocol):
    """A way to ask hosts aside."""

    def start(self, job: Job, done: Callable[[HostAnswers], None]) -> None:
        """Begin to ask; `done` is called once, from any thread."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks hosts by `transport`, each within `timeout` seconds."""

    transport: Transport
    timeout: float
    log: Log

    def start(self, job: Job, done: Callable[[HostAnswers], None]) -> None:
        """Begin to ask; `done` is called from another thread, within the timeout and its grace, come what may."""
        # A daemon: a host that hangs must not keep the program from ending
        threading.Thread(target=lambda: done(self._ask(job)), daemon=True, name=f"audit of {job.host}").start()

    def _ask(self, job: Job) -> HostAnswers:
        started = time.monotonic()
        try:
            return collect([job], self.transport, parallel=1, timeout=self.timeout).hosts[0]
        except Exception as error:  # noqa: BLE001 - a bug with one host must cost nobody the others
            self.log(f"{job.host}: this is a bug in olaudit: {''.join(traceback.format_exception(error))}")
            said = f"a bug in olaudit ({type(error).__name__}): its log tells more"
            return HostAnswers(job.host, Failure(Reason.SSH, said), round(time.monotonic() - started, 3))
