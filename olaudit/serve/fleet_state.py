"""The mutable state of the fleet, of which a `Snapshot` is an immutable copy."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from olaudit.expected import FleetSpec
from olaudit.model import HostAnswers
from olaudit.serve.snapshot import LastAudit, ReloadStatus, ReportBuilder, RunHistory, Snapshot, failure_text

T = TypeVar("T")


class FleetState:
    """The expected files, each host's last audit, and the first occurrence of each drift. Not thread-safe.

    A host is evaluated when its answers arrive; a snapshot only composes the evaluations of all hosts.
    """

    def __init__(
        self, fleet: FleetSpec, run_history: RunHistory, build_report: ReportBuilder, now: datetime
    ) -> None:
        self.fleet = fleet
        self.run_history = run_history
        self._build_report = build_report
        self._auditor = build_report.auditor(fleet)
        self._states = run_history.states
        self._last: dict[str, LastAudit] = {}
        self._reload_status = ReloadStatus(success=True, at=now)

    def store_answers(self, answers: HostAnswers, now: datetime) -> str:
        """Evaluate and store a host's answers; return a log line if the host became (un)reachable, else ""."""
        before = self._last.get(answers.host)
        self._last[answers.host] = LastAudit(self._auditor.evaluate(answers), now)
        old_failure, new_failure = failure_text(before.audit.answers if before else None), failure_text(answers)
        if new_failure == old_failure:
            return ""
        if new_failure:
            return f"{answers.host} cannot be audited: {new_failure}"
        return f"{answers.host} can be audited again"

    def replace_expected(self, fleet: FleetSpec, now: datetime) -> frozenset[str]:
        """Use other expected files from now on; return the hosts whose expected state changed."""
        before, self.fleet = self.fleet, fleet
        self._reload_status = ReloadStatus(success=True, at=now)
        self._auditor = self._build_report.auditor(fleet)
        self._last = {
            host: last
            if before.hosts.get(host) == fleet.hosts[host]
            else LastAudit(self._auditor.evaluate(last.audit.answers), last.at)
            for host, last in retain_hosts(self._last, fleet).items()
        }
        both = before.hosts.keys() & fleet.hosts.keys()
        return frozenset(host for host in both if before.hosts[host].sections != fleet.hosts[host].sections)

    def record_failed_reload(self) -> None:
        """Record that the expected files cannot be loaded; the previous ones remain in use."""
        self._reload_status = ReloadStatus(success=False, at=self._reload_status.at)

    def snapshot(self, now: datetime) -> Snapshot:
        """Compose the last audits of all hosts into a snapshot."""
        audits = {host: last.audit for host, last in self._last.items()}
        self._states, report = self._build_report(self.fleet, self._auditor, audits, self._states, now)
        return Snapshot(
            fleet=self.fleet,
            report=self._build_report.add_changes(self.run_history, self.fleet, report),
            audited_at={host: last.at.timestamp() for host, last in self._last.items()},
            reload_status=self._reload_status,
        )


def retain_hosts(by_host: Mapping[str, T], fleet: FleetSpec) -> dict[str, T]:
    """Return the entries whose host is in `fleet`."""
    return {host: value for host, value in by_host.items() if host in fleet.hosts}
