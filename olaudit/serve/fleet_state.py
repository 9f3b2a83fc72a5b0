"""All that is known of the fleet, as it changes; a `Snapshot` is what it comes to at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from olaudit.expected import FleetSpec
from olaudit.model import HostAnswers
from olaudit.serve.snapshot import LastAnswers, Reloaded, ReportBuilder, RunHistory, Snapshot, trouble

T = TypeVar("T")


class FleetState:
    """The expected files, what each host answered last, and since when drift is there. For one thread alone."""

    def __init__(self, fleet: FleetSpec, run_history: RunHistory, judge: ReportBuilder, now: datetime) -> None:
        self.fleet = fleet
        self.run_history = run_history
        self._build_report = judge
        self._states = run_history.states
        self._last: dict[str, LastAnswers] = {}
        self._reloaded = Reloaded(success=True, at=now)

    def take(self, answers: HostAnswers, now: datetime) -> str:
        """Take what came back from a host; say in a line what that changes, "" if it is as it was."""
        before = self._last.get(answers.host)
        self._last[answers.host] = LastAnswers(answers, now)
        was, is_ = trouble(before.answers if before else None), trouble(answers)
        if is_ == was:
            return ""
        return f"{answers.host} cannot be audited: {is_}" if is_ else f"{answers.host} can be audited again"

    def expect(self, fleet: FleetSpec, now: datetime) -> frozenset[str]:
        """Hold the hosts to other expected files; give those that are to be asked other questions now."""
        before, self.fleet = self.fleet, fleet
        self._reloaded = Reloaded(success=True, at=now)
        self._last = only(self._last, fleet)
        both = before.hosts.keys() & fleet.hosts.keys()
        return frozenset(host for host in both if before.hosts[host].sections != fleet.hosts[host].sections)

    def keep(self) -> None:
        """Note that the expected files cannot be read any more: those from before hold."""
        self._reloaded = Reloaded(success=False, at=self._reloaded.at)

    def snapshot(self, now: datetime) -> Snapshot:
        """Judge it all."""
        self._states, report = self._build_report(self.fleet, self._last, self._states, now)
        return Snapshot(
            fleet=self.fleet,
            report=self._build_report.since(self.run_history, self.fleet, report),
            audited={host: asked.at.timestamp() for host, asked in self._last.items()},
            reloaded=self._reloaded,
        )


def only(of_hosts: Mapping[str, T], fleet: FleetSpec) -> dict[str, T]:
    """Keep what is of hosts of `fleet`."""
    return {host: value for host, value in of_hosts.items() if host in fleet.hosts}
