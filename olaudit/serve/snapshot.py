"""The last answers of all hosts to one report, as if they had been asked in one run. Pure: the time is given."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from olaudit import waivers
from olaudit.audit import audit, select_checks
from olaudit.checker import AnyChecker
from olaudit.expected import FleetSpec
from olaudit.history import FindingStates, RunScope, advance
from olaudit.model import Answers, Failure, FailureReason, HostAnswers, Report, Run, RunSummary

_NEVER = Failure(FailureReason.INTERRUPTED, "it was not audited yet, since `olaudit serve` began")


@dataclass(frozen=True, slots=True)
class LastAnswers:
    """What a host answered last, and when it had (UTC)."""

    answers: HostAnswers
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """Whether the expected files could be read when they last changed, and when they last could (UTC)."""

    success: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class RunHistory:
    """What the nightly runs know: what is open after the last of them, and the runs, oldest first."""

    states: FindingStates = field(default_factory=lambda: MappingProxyType({}))
    runs: tuple[RunSummary, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that is known at one moment; never changed, only replaced.

    `report` has every host; one that was never audited yet is unknown. `audited` says when the others were, or
    when that was tried (seconds since 1970).
    """

    fleet: FleetSpec
    report: Report
    audited: Mapping[str, float]
    reloaded: Reloaded

    @property
    def missing(self) -> frozenset[str]:
        """Hosts that were never audited yet, nor tried."""
        return frozenset(self.fleet.hosts) - self.audited.keys()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportBuilder:
    """Makes reports of answers: the kinds of checks, the ids that are wanted, and who we are."""

    checkers: Sequence[AnyChecker]
    wanted: frozenset[str]
    version: str

    def __call__(
        self, fleet: FleetSpec, last: Mapping[str, LastAnswers], states: FindingStates, now: datetime
    ) -> tuple[FindingStates, Report]:
        """Judge the last answers; give what is open after it, and the report with its ages, without changes."""
        never = [HostAnswers(host, _NEVER, 0.0) for host in fleet.hosts if host not in last]
        answers = [*never, *(one.answers for one in last.values())]
        run = self._run(fleet, answers, now)
        judged = audit(fleet.hosts.values(), answers, self.checkers, self.wanted, run)
        report = waivers.apply(judged, fleet, self.wanted, select_checks(self.checkers), now.date())
        after, aged = advance(states, report, self._scope(fleet), None)
        return after, replace(aged, changes=None)

    def since(self, run_history: RunHistory, fleet: FleetSpec, report: Report) -> Report:
        """Say what changed since the last nightly run, where there was one; the ages are the report's own."""
        if not run_history.runs:
            return report
        beside = advance(run_history.states, report, self._scope(fleet), run_history.runs[-1].started_at)[
            1
        ].changes
        changes = beside and replace(beside, timeline=(*run_history.runs, *beside.timeline))
        return replace(report, changes=changes)

    def _scope(self, fleet: FleetSpec) -> RunScope:
        return RunScope(hosts=frozenset(fleet.hosts), checks=self.wanted)

    def _run(self, fleet: FleetSpec, answers: Sequence[HostAnswers], now: datetime) -> Run:
        """Give the circumstances: a run that asked all hosts at once would have taken as long as the slowest."""
        return Run(
            id=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}",
            started_at=rfc3339(now),
            finished_at=rfc3339(now),
            duration_seconds=max((one.duration_seconds for one in answers), default=0.0),
            olaudit_version=self.version,
            expected_revision=fleet.revision,
            complete=True,
        )


def rfc3339(moment: datetime) -> str:
    """Write a moment (UTC) as reports do."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def trouble(answers: HostAnswers | None) -> str:
    """Say why a host could not be audited, "" if it could, or never was."""
    if answers is None or isinstance(answers.outcome, Answers):
        return ""
    return f"{answers.outcome.reason}: {answers.outcome.message}"
