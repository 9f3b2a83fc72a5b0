"""What the service reads from, and what happens to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

from olaudit.expected import FleetSpec
from olaudit.model import HostAnswers
from olaudit.serve.file_watch import Watched
from olaudit.serve.snapshot import RunHistory, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the service reads from; each may raise OlauditError, and is asked again when its files change.

    `refresh` renews what only others use. `now` gives UTC, `monotonic` seconds.
    """

    expected: Callable[[], FleetSpec]
    watch_expected: Watched
    run_history: Callable[[], RunHistory] = RunHistory
    watch_run_history: Watched = field(default_factory=lambda: Watched(()))
    refresh: Callable[[], None] = lambda: None
    watch_refresh: Watched = field(default_factory=lambda: Watched(()))
    now: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often every host is audited (seconds; 0: only when probed), and how many at once by the clock."""

    interval: float
    jobs: int


class Gone(Exception):  # noqa: N818 - an outcome, answered to whoever probed
    """The host is in the expected files no more."""


class Stopped(Exception):  # noqa: N818 - as above
    """The service ended before the host had answered."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An audit came to its end."""

    answers: HostAnswers


@dataclass(frozen=True, slots=True)
class Wanted:
    """Somebody wants to know of a host as it is now."""

    host: str
    future: Future[Snapshot]


@dataclass(frozen=True, slots=True)
class Loaded:
    """The expected files were read, or could not be."""

    outcome: FleetSpec | Exception


@dataclass(frozen=True, slots=True)
class Reload:
    """The expected files are to be read."""


@dataclass(frozen=True, slots=True)
class Stop:
    """It is enough."""


Event = Ended | Wanted | Loaded | Reload | Stop
