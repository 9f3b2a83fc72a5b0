"""The ways to ask a host: over SSH, on this very machine, or from a recording.

A transport takes probes and gives `Answers`. What concerns one probe comes back as `Unanswered`; what
concerns the host as a whole is raised as `HostFailed`, which `collect` turns into a value.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from olaudit.model import Answers, Failure, FailureReason, Probe


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment by which a host must have answered; `seconds` is what was allowed, for messages."""

    at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Start a deadline now."""
        return cls(time.monotonic() + seconds, seconds)

    def left(self) -> float:
        """Say how many seconds are left; never negative."""
        return max(0.0, self.at - time.monotonic())

    def passed(self) -> bool:
        """Say whether no time is left."""
        return self.left() == 0.0


class HostFailed(Exception):  # noqa: N818 - it is an outcome that is caught and kept, not an error that is shown
    """A host that could not be audited as a whole."""

    def __init__(self, reason: FailureReason, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(reason, message)


class Transport(Protocol):
    """A way to ask hosts. Called from several threads at once."""

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:
        """Ask `host` every probe, before `deadline`. Raises HostFailed where the host cannot be asked at all."""

    def close(self) -> None:
        """Let go of whatever was kept open between hosts."""
