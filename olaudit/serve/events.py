"""The inputs of the service, and the events in its queue."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from olaudit.expected import FleetSpec
from olaudit.history import History
from olaudit.model import HostAnswers
from olaudit.serve.file_watch import FileWatcher
from olaudit.serve.snapshot import RunHistory, Snapshot

Log = Callable[[str], None]
"""Writes one event to the log; may be called from any thread."""

_TIMELINE_RUNS = 29  # thirty with the current state, as in the nightly report


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The inputs of the service, and watchers of their files.

    Each function that loads may raise OlauditError, and is called again when its files change. `reload_web_config`
    updates what only the HTTP server uses. `now` returns UTC, `monotonic` returns seconds.
    """

    load_expected: Callable[[], FleetSpec]
    expected_watcher: FileWatcher
    load_history: Callable[[], RunHistory] = RunHistory
    history_watcher: FileWatcher = field(default_factory=lambda: FileWatcher(()))
    reload_web_config: Callable[[], None] = lambda: None
    web_config_watcher: FileWatcher = field(default_factory=lambda: FileWatcher(()))
    now: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic


def read_run_history(file: Path) -> RunHistory:
    """Read a history file; a missing or empty one is an empty history.

    Raises HistoryError if the file cannot be read.
    """
    if not file.exists() or (file.is_file() and not file.stat().st_size):
        return RunHistory()
    with History.open(file, create=False) as history:
        return RunHistory(history.states(), tuple(reversed(history.runs(_TIMELINE_RUNS))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The audit interval (seconds; 0: only when probed), and the maximum number of parallel scheduled audits."""

    interval: float
    jobs: int


class HostRemoved(Exception):  # noqa: N818 - an outcome of a probe
    """The expected files no longer contain the host."""


class ServiceStopped(Exception):  # noqa: N818 - as above
    """The service stopped before the host answered."""


@dataclass(frozen=True, slots=True)
class AuditEnded:
    """An audit of one host has ended."""

    answers: HostAnswers


@dataclass(frozen=True, slots=True)
class ProbeRequested:
    """A client requests a current audit of one host."""

    host: str
    future: Future[Snapshot]


@dataclass(frozen=True, slots=True)
class ExpectedStateLoaded:
    """The expected files were loaded, or could not be."""

    outcome: FleetSpec | Exception


@dataclass(frozen=True, slots=True)
class ReloadRequested:
    """The expected files must be loaded again."""


@dataclass(frozen=True, slots=True)
class StopRequested:
    """The service must stop."""


Event = AuditEnded | ProbeRequested | ExpectedStateLoaded | ReloadRequested | StopRequested
