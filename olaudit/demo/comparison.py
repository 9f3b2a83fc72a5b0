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
class Comparison:
    """What was put in and not found, and what was found and not put in. Both empty: as it must be.

    `untaught` counts the checks of hosts that answered whose questions the simulation does not know.
    """

    missing: tuple[Found, ...]
    unexpected: tuple[Finding, ...]
    unsupported: int

    @property
    def is_exact(self) -> bool:
        """Whether the audit found exactly what was put in."""
        return not self.missing and not self.unexpected


def compare_findings(report: Report, drifts: Iterable[Drift]) -> Comparison:
    """Compare. What the simulation was not taught is unknown on hosts that answer, and that is no surprise."""
    wanted = {(drift.host, *found) for drift in drifts for found in drift.findings}
    unknown = [one for one in report.findings if one.verdict is Verdict.UNKNOWN]
    lost = [one for one in unknown if one.check == REACHABLE.id]
    drifted = [one for one in report.findings if one.verdict is Verdict.DRIFT]
    found = {(one.host, one.check, one.subject): one for one in (*drifted, *lost)}
    return Comparison(
        missing=tuple(sorted(wanted - found.keys())),
        unexpected=tuple(one for key, one in found.items() if key not in wanted),
        unsupported=len(unknown) - len(lost),
    )
