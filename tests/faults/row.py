"""Rows of the fault matrix: a fault, its injection, and the report that it must cause."""

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
    """Which parts of a row are real and which are simulated."""

    SSHD = "real sshd"
    ENGINE_BEHIND_SSHD = "hostile engine behind a real sshd"
    DOCKERD = "real dockerd and sshd"
    NETWORK = "hostile TCP peer"
    SSH_PEER = "hostile SSH peer"
    AUDITOR = "auditor's side, real sshd"


REAL = (Kind.SSHD, Kind.ENGINE_BEHIND_SSHD, Kind.DOCKERD, Kind.AUDITOR)
"""Kinds with a real host. They need root, because each host has its own namespaces."""


@dataclass(frozen=True)
class Unreachable:
    """The host cannot be audited: `failure.reason` is `reason`, and the message contains `text`.

    `other` is an alternative text, if the message depends on when the client notices the fault.
    """

    reason: str
    text: str
    other: str = ""

    @property
    def verdict(self) -> str:
        return f"unreachable: {self.reason}"


@dataclass(frozen=True)
class ExpectedFinding:
    """A finding of `check` has the verdict `status`, and its message contains `text`.

    All other checks must be ok, except those with a prefix in `affects`. `other` is as in `Unreachable`.
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
        """Return whether the fault may change the verdict of `check`."""
        return check.startswith((self.check, *self.affects))


@dataclass(frozen=True)
class AllOk:
    """The fault has no effect: the host is audited, and all of its checks are ok."""

    verdict: str = "ok"
    text: str = "all checks are ok"


@dataclass(frozen=True)
class ExitCode:
    """The command exits with `code` and writes `text` to standard error.

    `prints`: whether it prints the report too.
    """

    code: int
    text: str
    prints: bool = True

    @property
    def verdict(self) -> str:
        return f"exit code {self.code}"


@dataclass(frozen=True)
class OneOf:
    """One of several outcomes with the same text: the moment at which the client notices the fault decides."""

    outcomes: tuple[Unreachable | ExpectedFinding, ...]

    @property
    def verdict(self) -> str:
        return ", or ".join(outcome.verdict for outcome in self.outcomes)

    @property
    def text(self) -> str:
        return self.outcomes[0].text


ExpectedOutcome = Unreachable | ExpectedFinding | OneOf | AllOk | ExitCode


@dataclass(frozen=True)
class Target:
    """A host with a fault: its lines of ssh_config and of known_hosts."""

    ssh_config: tuple[str, ...]
    known_hosts: tuple[str, ...] = ()
    identity: bool = True
    """Whether the auditor's own key is offered."""


@dataclass(frozen=True)
class AuditorSetup:
    """Setup of the auditing process: environment, a shell prelude, and further arguments.

    With a prelude, both run in a separate mount namespace.
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
    """A fault. Rows with the same `run` are audited together, rows without one in a separate process.

    `role` names the expected state of the host.
    """

    id: str
    title: str
    kind: Kind
    expect: ExpectedOutcome
    inject: Inject
    run: str = ""
    role: str = "shell"
    slow: bool = False
    timeout: float = 4.0
    healthy: bool = True
    """Whether both healthy hosts must be ok: false if the fault concerns the auditor's whole machine."""
    auditor: Callable[[Scene], AbstractContextManager[AuditorSetup]] | None = None

    @property
    def lab(self) -> bool:
        """Whether the row needs the hosts of the lab."""
        return self.kind is Kind.DOCKERD

    @property
    def real_host(self) -> bool:
        """Whether the host of this row is real: namespaces with a real sshd."""
        return self.kind in REAL

    @property
    def quick(self) -> bool:
        """Whether the quick tests include it: a run of real hosts occupies a machine of two cores."""
        return not (self.slow or self.real_host)
