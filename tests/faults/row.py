"""One row of the fault matrix: a fault, how to inject it, and what an audit must report of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.scene import Scene


class Kind(StrEnum):
    """What is real in a row, and what is simulated."""

    SSHD = "real sshd"
    ENGINE_BEHIND_SSHD = "hostile engine behind a real sshd"
    DOCKERD = "real dockerd and sshd"
    NETWORK = "hostile TCP peer"
    SSH_PEER = "hostile SSH peer"
    AUDITOR = "auditor's side, real sshd"


REAL = (Kind.SSHD, Kind.ENGINE_BEHIND_SSHD, Kind.DOCKERD, Kind.AUDITOR)
"""Kinds of which the host is real. They need root: each host has namespaces of its own."""


@dataclass(frozen=True)
class Fails:
    """The host as a whole cannot be audited; `reason` is `failure.reason`, and the message holds `text`.

    `other` is a text in place of it, where it depends on the moment at which the client notices.
    """

    reason: str
    text: str
    other: str = ""

    @property
    def verdict(self) -> str:
        return f"unreachable: {self.reason}"


@dataclass(frozen=True)
class Finds:
    """A finding of `check` with that verdict, of which the message holds `text`.

    The findings of all checks that no prefix in `affects` matches must be ok. `other` is as in `Fails`.
    """

    check: str
    status: str
    text: str
    affects: tuple[str, ...] = ()
    other: str = ""

    @property
    def verdict(self) -> str:
        return f"{self.check}: {self.status}"

    def affected(self, check: str) -> bool:
        """Whether the fault may change the verdict of `check`."""
        return check.startswith((self.check, *self.affects))


@dataclass(frozen=True)
class Passes:
    """The fault is harmless: the host is audited, and all of its checks are ok."""

    verdict: str = "ok"
    text: str = "all checks are ok"


@dataclass(frozen=True)
class Exits:
    """The command ends with `code`, and writes `text` to standard error.

    `prints`: the report is printed all the same.
    """

    code: int
    text: str
    prints: bool = True

    @property
    def verdict(self) -> str:
        return f"exit code {self.code}"


Expectation = Fails | Finds | Passes | Exits


@dataclass(frozen=True)
class Target:
    """A host with a fault: how ssh_config reaches it, and the lines of known_hosts about it."""

    ssh_config: tuple[str, ...]
    known_hosts: tuple[str, ...] = ()
    identity: bool = True
    """Whether the auditor's own key is offered."""


@dataclass(frozen=True)
class Auditor:
    """How the auditor's own process is started: environment, a shell prelude, and further arguments.

    The prelude runs in a mount namespace of its own.
    """

    environment: tuple[tuple[str, str], ...] = ()
    prelude: str = ""
    arguments: tuple[str, ...] = ()
    command: str = "check"
    interrupt_after: float | None = None
    stdout: Path | None = None


Inject = Callable[["Scene"], AbstractContextManager[Target]]


@dataclass(frozen=True)
class Row:
    """A fault. Rows of one `run` are audited together; a row without one has a process of its own.

    `role` names the expected state of the host.
    """

    id: str
    title: str
    kind: Kind
    expect: Expectation
    inject: Inject
    run: str = ""
    role: str = "shell"
    slow: bool = False
    timeout: float = 4.0
    healthy: bool = True
    """Whether the other two hosts must be audited as usual: false where the fault concerns the auditor itself."""
    auditor: Callable[[Scene], AbstractContextManager[Auditor]] | None = None

    @property
    def lab(self) -> bool:
        """Whether the row needs the hosts of the lab."""
        return self.kind is Kind.DOCKERD

    @property
    def real(self) -> bool:
        """Whether the host of this row is a real sshd."""
        return self.kind in REAL

    @property
    def quick(self) -> bool:
        """Whether `tests/run` has time for it: a wave of real hosts takes a machine of two cores for itself."""
        return not (self.slow or self.real)
