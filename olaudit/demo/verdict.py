"""Whether an audit found what was put into the simulated fleet: all of it, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from olaudit.demo.drifts import Drift
from olaudit.evaluate import REACHABLE
from olaudit.model import Finding, Report, Verdict

Found = tuple[str, str, str]
"""A finding as (host, check, subject)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was put in and not found, and what was found and not put in. Both empty: as it must be.

    `untaught` counts the checks of hosts that answered whose questions the simulation does not know.
    """

    missed: tuple[Found, ...]
    surprises: tuple[Finding, ...]
    untaught: int

    @property
    def right(self) -> bool:
        """Whether the audit found exactly what was put in."""
        return not self.missed and not self.surprises


def outcome(report: Report, drifts: Iterable[Drift]) -> Outcome:
    """Compare. What the simulation was not taught is unknown on hosts that answer, and that is no surprise."""
    wanted = {(drift.host, *found) for drift in drifts for found in drift.finds}
    unknown = [one for one in report.findings if one.verdict is Verdict.UNKNOWN]
    lost = [one for one in unknown if one.check == REACHABLE.id]
    drifted = [one for one in report.findings if one.verdict is Verdict.DRIFT]
    found = {(one.host, one.check, one.subject): one for one in (*drifted, *lost)}
    return Outcome(
        missed=tuple(sorted(wanted - found.keys())),
        surprises=tuple(one for key, one in found.items() if key not in wanted),
        untaught=len(unknown) - len(lost),
    )
