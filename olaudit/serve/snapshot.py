"""Reports built from the last answers of all hosts, as if one run had collected them. Pure: no clock, no I/O."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from olaudit import waivers
from olaudit.audit import FleetAuditor, HostAudit, select_checks
from olaudit.checker import AnyChecker
from olaudit.expected import FleetSpec
from olaudit.history import FindingStates, RunScope, advance
from olaudit.model import Answers, Failure, FailureReason, HostAnswers, Report, Run, RunSummary

_NOT_AUDITED = Failure(FailureReason.INTERRUPTED, "not audited yet since `olaudit serve` started")


@dataclass(frozen=True, slots=True)
class LastAudit:
    """The last audit of a host, evaluated, and when its answers were received (UTC)."""

    audit: HostAudit
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadStatus:
    """Whether the last load of the expected files succeeded, and the time of the last success (UTC)."""

    success: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class RunHistory:
    """The recorded runs, oldest first, and the finding states after the last of them, which is the baseline."""

    states: FindingStates = field(default_factory=lambda: MappingProxyType({}))
    runs: tuple[RunSummary, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An immutable view of the fleet at one moment.

    `report` contains every host; a host that was never audited is unknown. `audited_at` maps the other hosts to
    the end of their last audit or attempt (seconds since 1970).
    """

    fleet: FleetSpec
    report: Report
    audited_at: Mapping[str, float]
    reload_status: ReloadStatus

    @property
    def unaudited(self) -> frozenset[str]:
        """Hosts without any audit or attempt so far."""
        return frozenset(self.fleet.hosts) - self.audited_at.keys()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportBuilder:
    """Builds reports from audits: the checkers, the ids of the selected checks, and the version of olaudit."""

    checkers: Sequence[AnyChecker]
    check_ids: frozenset[str]
    version: str

    def auditor(self, fleet: FleetSpec) -> FleetAuditor:
        """Build the auditor of a fleet, for one revision of its expected files."""
        return FleetAuditor(fleet.hosts.values(), self.checkers, self.check_ids)

    def __call__(
        self,
        fleet: FleetSpec,
        auditor: FleetAuditor,
        audits: Mapping[str, HostAudit],
        states: FindingStates,
        now: datetime,
    ) -> tuple[FindingStates, Report]:
        """Compose the report of the last audits; return the new finding states, and the report with ages."""
        evaluated = auditor.report(audits, self._run(fleet, audits.values(), now), _NOT_AUDITED)
        report = waivers.apply(evaluated, fleet, self.check_ids, select_checks(self.checkers), now.date())
        new_states, report_with_ages = advance(states, report, self._scope(fleet), None)
        return new_states, replace(report_with_ages, changes=None)

    def add_changes(self, run_history: RunHistory, fleet: FleetSpec, report: Report) -> Report:
        """Add the changes since the baseline, if there is one; the ages remain the report's own."""
        if not run_history.runs:
            return report
        baseline = run_history.runs[-1]
        _, compared = advance(run_history.states, report, self._scope(fleet), baseline.started_at)
        changes = compared.changes
        if changes:
            changes = replace(changes, timeline=(*run_history.runs, *changes.timeline))
        return replace(report, changes=changes)

    def _scope(self, fleet: FleetSpec) -> RunScope:
        return RunScope(hosts=frozenset(fleet.hosts), checks=self.check_ids)

    def _run(self, fleet: FleetSpec, audits: Iterable[HostAudit], now: datetime) -> Run:
        """Describe the run; its duration is that of the slowest host, as if all were audited in parallel."""
        return Run(
            id=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}",
            started_at=rfc3339(now),
            finished_at=rfc3339(now),
            duration_seconds=max((audit.answers.duration_seconds for audit in audits), default=0.0),
            olaudit_version=self.version,
            expected_revision=fleet.revision,
            complete=True,
        )


def rfc3339(moment: datetime) -> str:
    """Format a moment (UTC) as in reports."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def failure_text(answers: HostAnswers | None) -> str:
    """Return why a host could not be audited; "" if it could, or was never audited."""
    if answers is None or isinstance(answers.outcome, Answers):
        return ""
    return f"{answers.outcome.reason}: {answers.outcome.message}"
