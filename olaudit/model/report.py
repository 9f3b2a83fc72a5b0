"""The report: a whole run, as every renderer and every follow-up takes it."""

from __future__ import annotations

from dataclasses import dataclass

from olaudit.model.changes import Changes
from olaudit.model.finding import Finding
from olaudit.model.probe import Failure, InternalError
from olaudit.model.result import Measurement, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class HostResult:
    """One host of the report: its worst verdict, and why it failed if it did.

    `roles` are its roles in the expected files, the general ones first; `measurements` are numbers that it told.
    `subjects` are what the expected files name on it: any other subject of its findings is the host's own word.
    """

    host: str
    verdict: Verdict
    failure: Failure | None
    duration_seconds: float
    roles: tuple[str, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    subjects: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The circumstances of a report. Times are RFC 3339 UTC; `complete` is false after an interrupt."""

    id: str
    started_at: str
    finished_at: str
    duration_seconds: float
    olaudit_version: str
    expected_revision: str
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole run: every host asked, and every check made, the ok ones too; sorted by host, check, subject.

    `changes` is what history says of it, where history was asked. `errors` are bugs in olaudit that the run
    survived; what they concern is unknown.
    """

    run: Run
    hosts: tuple[HostResult, ...]
    findings: tuple[Finding, ...] = ()
    changes: Changes | None = None
    errors: tuple[InternalError, ...] = ()

    def count(self, verdict: Verdict) -> int:
        """Count the findings of one verdict."""
        return sum(finding.verdict is verdict for finding in self.findings)

    @property
    def unreachable(self) -> int:
        """How many hosts could not be audited at all."""
        return sum(host.failure is not None for host in self.hosts)
