"""Comparison of the findings of an audit with the drift that was put into the simulated fleet."""

from collections.abc import Iterable
from dataclasses import dataclass

from olaudit.demo.drifts import Drift
from olaudit.evaluate import REACHABLE
from olaudit.model import Finding, Report, Verdict

FindingKey = tuple[str, str, str]
"""A finding as (host, check, subject)."""


@dataclass(frozen=True, slots=True)
class DriftComparison:
    """Injected drift that was not reported, and reported findings that were not injected.

    `unsupported` counts the unknown checks of hosts that answered: their probes were not recorded, or the clocks
    could not be compared.
    """

    missing: tuple[FindingKey, ...]
    unexpected: tuple[Finding, ...]
    unsupported: int

    @property
    def is_exact(self) -> bool:
        """Whether the audit reported exactly the drift that was injected."""
        return not self.missing and not self.unexpected


def compare_findings(report: Report, drifts: Iterable[Drift]) -> DriftComparison:
    """Compare the findings of `report` with `drifts`.

    A check that is unknown on a host that answers is not unexpected: see `unsupported`.
    """
    injected = {(drift.host, *finding) for drift in drifts for finding in drift.findings}
    unknown = [finding for finding in report.findings if finding.verdict is Verdict.UNKNOWN]
    unreachable = [finding for finding in unknown if finding.check == REACHABLE.id]
    drifted = [finding for finding in report.findings if finding.verdict is Verdict.DRIFT]
    reported = {(finding.host, finding.check, finding.subject): finding for finding in (*drifted, *unreachable)}
    return DriftComparison(
        missing=tuple(sorted(injected - reported.keys())),
        unexpected=tuple(finding for key, finding in reported.items() if key not in injected),
        unsupported=len(unknown) - len(unreachable),
    )
