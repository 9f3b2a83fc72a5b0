"""Faults of the auditor's own machine: its resolver, disks, limits and files."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests.faults.row import (
    AuditorSetup,
    ExitCode,
    ExpectedFinding,
    ExpectedOutcome,
    Inject,
    Kind,
    Row,
    Target,
    Unreachable,
)
from tests.faults.scene import Scene
from tests.faults.sshd import real_sshd


def _row(id_: str, title: str, expect: ExpectedOutcome, inject: Inject, **more: Any) -> Row:
    return Row(id_, title, Kind.AUDITOR, expect, inject, **more)


Setup = Callable[[Scene], AbstractContextManager[AuditorSetup]]


def _setup(**settings: Any) -> Setup:
    return lambda _: contextlib.nullcontext(AuditorSetup(**settings))


@contextlib.contextmanager
def _silent_resolver(scene: Scene) -> Iterator[AuditorSetup]:
    """Configure a resolver that receives queries and never answers."""
    config = scene.folder / "resolv.conf"
    config.write_text("nameserver 127.0.0.153\noptions timeout:30\n", encoding="ascii")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.153", 53))
        yield AuditorSetup(prelude=f"mount --bind {config} /etc/resolv.conf")


def _full_disk(scene: Scene) -> AbstractContextManager[AuditorSetup]:
    folder = scene.folder / "full"
    folder.mkdir()
    prelude = f"mount -t tmpfs -o size=8k full {folder}; head -c 8192 /dev/zero >{folder}/other || :"
    return contextlib.nullcontext(AuditorSetup(prelude=prelude, arguments=("-o", f"json={folder}/report.json")))


def _report(scene: Scene, *, history: Path, prelude: str = "") -> AuditorSetup:
    reports = scene.folder / "reports"
    reports.mkdir(exist_ok=True)
    return AuditorSetup(
        command="report", prelude=prelude, arguments=("--reports", str(reports), "--history", str(history))
    )


def _corrupt_history(scene: Scene) -> AbstractContextManager[AuditorSetup]:
    history = scene.folder / "history.sqlite"
    history.write_bytes(b"SQLite format 3\0" + os.urandom(8192))
    return contextlib.nullcontext(_report(scene, history=history))


def _fifo_history(scene: Scene) -> AbstractContextManager[AuditorSetup]:
    history = scene.folder / "history.sqlite"
    os.mkfifo(history)
    return contextlib.nullcontext(_report(scene, history=history))


@contextlib.contextmanager
def _locked_history(scene: Scene) -> Iterator[AuditorSetup]:
    history = scene.folder / "history.sqlite"
    with contextlib.closing(sqlite3.connect(history, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield _report(scene, history=history)


def _fifo_expected(scene: Scene) -> AbstractContextManager[AuditorSetup]:
    os.mkfifo(scene.expected / "hosts" / "fifo.yaml")
    return contextlib.nullcontext(AuditorSetup())


def _device_expected(scene: Scene) -> AbstractContextManager[AuditorSetup]:
    (scene.expected / "hosts" / "zero.yaml").symlink_to("/dev/zero")
    return contextlib.nullcontext(AuditorSetup())


def _name(name: str) -> Inject:
    return lambda _: contextlib.nullcontext(Target((f"HostName {name}",)))


_HEALTHY = real_sshd()
_AUDITOR_ONLY: dict[str, Any] = {"healthy": False}

ROWS: tuple[Row, ...] = (
    _row(
        "resolver-silent",
        "The auditor's resolver never answers",
        Unreachable("dns", "resolver did not answer"),
        _name("host.example.org"),
        auditor=_silent_resolver,
        slow=True,
    ),
    _row(
        "disk-full",
        "The disk for the report is full",
        ExitCode(74, "No space left on device"),
        _HEALTHY,
        auditor=_full_disk,
        **_AUDITOR_ONLY,
    ),
    _row(
        "stdout-full",
        "Standard output is full",
        ExitCode(74, "No space left on device", prints=False),
        _HEALTHY,
        auditor=_setup(stdout=Path("/dev/full")),
        **_AUDITOR_ONLY,
    ),
    _row(
        "descriptors-few",
        "The auditor may open 4 files (ulimit -n)",
        ExpectedFinding("host.reachable", "unknown", "Too many open files"),
        _HEALTHY,
        auditor=_setup(environment=(("FAULTS_DESCRIPTORS", "4"),)),
        slow=True,
        **_AUDITOR_ONLY,
    ),
    _row(
        "interrupt",
        "The audit is interrupted (SIGINT) while a host is silent",
        ExitCode(130, "interrupted"),
        real_sshd("ForceCommand sleep 600"),
        auditor=_setup(interrupt_after=1.0),
        **_AUDITOR_ONLY,
    ),
    _row(
        "expected-fifo",
        "An expected file is a FIFO",
        ExitCode(2, "fifo.yaml", prints=False),
        _HEALTHY,
        auditor=_fifo_expected,
        slow=True,
        **_AUDITOR_ONLY,
    ),
    _row(
        "expected-device",
        "An expected file is /dev/zero",
        ExitCode(2, "zero.yaml", prints=False),
        _HEALTHY,
        auditor=_device_expected,
        slow=True,
        **_AUDITOR_ONLY,
    ),
    _row(
        "history-corrupt",
        "The history is damaged",
        ExitCode(2, "history.sqlite", prints=False),
        _HEALTHY,
        auditor=_corrupt_history,
        slow=True,
        **_AUDITOR_ONLY,
    ),
    _row(
        "history-fifo",
        "The history is a FIFO",
        ExitCode(2, "history.sqlite", prints=False),
        _HEALTHY,
        auditor=_fifo_history,
        slow=True,
        **_AUDITOR_ONLY,
    ),
    _row(
        "history-locked",
        "Another process has locked the history",
        ExitCode(2, "is locked", prints=False),
        _HEALTHY,
        auditor=_locked_history,
        timeout=6.0,
        slow=True,
        **_AUDITOR_ONLY,
    ),
)
