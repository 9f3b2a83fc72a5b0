"""The report of a run, which renderers and the history read."""

from dataclasses import dataclass

from olaudit.model.changes import Changes
from olaudit.model.finding import Finding
from olaudit.model.probe import Failure, InternalError
from olaudit.model.result import Measurement, Metric, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class HostResult:
    """One host of the report: its worst verdict, and its failure if it could not be audited.

    `roles` are its roles in the expected files, those of every host first. `measurements` are the numbers in its
    answers. `subjects` are the subjects that the expected files name; other subjects of its findings are text from
    the host.
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
    """Metadata of a run. Times are RFC 3339 UTC; `complete` is false after an interrupt."""

    id: str
    started_at: str
    finished_at: str
    duration_seconds: float
    olaudit_version: str
    expected_revision: str
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All hosts and findings of a run, including ok findings, sorted by host, check and subject.

    `changes` is the comparison with the history, if there is a history. `errors` are bugs in olaudit that did not
    end the run; the checks that they affect are unknown. `metrics` are all metrics of measured numbers, also those
    that no host has.
    """

    run: Run
    hosts: tuple[HostResult, ...]
    findings: tuple[Finding, ...] = ()
    changes: Changes | None = None
    errors: tuple[InternalError, ...] = ()
    metrics: tuple[Metric, ...] = ()

    def count(self, verdict: Verdict) -> int:
        """Count the findings of one verdict."""
        return sum(finding.verdict is verdict for finding in self.findings)

    @property
    def unreachable(self) -> int:
        """The number of hosts that could not be audited."""
        return sum(host.failure is not None for host in self.hosts)
