"""Transports: the ways to send probes to a host, over SSH or on the local machine.

A transport takes probes and returns `Answers`. A probe that fails is `Unanswered`. A host that fails as a whole
raises `HostFailed`, which `collect` turns into a value.
"""

import math
import time
from dataclasses import dataclass
from typing import Protocol, Self

from olaudit.model import Answers, Failure, FailureReason, Probe


@dataclass(frozen=True, slots=True)
class Deadline:
    """Time limit of one host: `expires_at` on the monotonic clock, and its full length in seconds for messages."""

    expires_at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """Start a deadline that expires `seconds` from now."""
        return cls(time.monotonic() + seconds, seconds)

    def remaining(self) -> float:
        """Return the number of seconds until the deadline; never negative."""
        return max(0.0, self.expires_at - time.monotonic())

    def timeout(self, limit: float = math.inf) -> float:
        """Return the timeout of a wait until the deadline, at most `limit`; never 0, which would mean no wait."""
        return max(0.001, min(limit, self.remaining()))

    def passed(self) -> bool:
        """Return whether no time remains."""
        return self.remaining() == 0.0

    @property
    def exceeded(self) -> str:
        """Reason for what was not answered by the deadline."""
        return f"no answer within {self.seconds:g} s"


class HostFailed(Exception):  # noqa: N818 - an outcome that is caught and stored, not an error that is printed
    """Failure to audit a host as a whole."""

    def __init__(self, reason: FailureReason, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(reason, message)


class Transport(Protocol):
    """A way to send probes to hosts. Called from several threads at once."""

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:
        """Send all `probes` to `host` and return the answers by `deadline`. Raises HostFailed."""

    def close(self) -> None:
        """Release the resources that hosts share, such as connections to jump hosts."""
