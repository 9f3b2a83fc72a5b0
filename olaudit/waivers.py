"""Application of waivers to a report: drift that a waiver covers becomes waived; other drift stays drift.

These functions are pure and have no clock. They never remove a finding. An unknown finding stays unknown: a waiver
accepts an observed value, and an unknown finding has none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from functools import partial
from itertools import groupby
from operator import attrgetter

from olaudit.audit import worst_verdict
from olaudit.evaluate import REACHABLE
from olaudit.expected.spec import FleetSpec, WaiverSpec
from olaudit.model import FLEET, Check, Finding, Report, Severity, Verdict, Waiver
from olaudit.text import visible

EXPIRED = Check(
    "waiver.expired",
    Severity.WARNING,
    "a waiver has expired, and the drift that it covered is still drift",
    "fix the drift, or waive it again: `olaudit waive` prints the entry",
)
UNUSED = Check(
    "waiver.unused",
    Severity.INFO,
    "a waiver covers no drift: the drift was fixed, or its observed value has changed",
    "remove the waiver from `expected/waivers.yaml`",
)
CHECKS = (EXPIRED, UNUSED)

_MAX_LISTED = 3  # findings of an expired waiver that are listed


def apply(
    report: Report, fleet: FleetSpec, selected: frozenset[str], check_ids: frozenset[str], today: date
) -> Report:
    """Apply the fleet's waivers to `report`, and add findings for expired and unused waivers.

    `selected` are the ids of the checks that ran, `check_ids` the ids of all checks; `today` is the date in UTC.
    """
    if not fleet.waivers:
        return report
    targets = _targets(fleet.waivers, report.findings)
    scope = _Scope(report, fleet, selected, check_ids)
    waiver_findings = [
        finding
        for waiver in fleet.waivers
        for finding in _evaluate(waiver, targets[waiver.name], scope.gaps(waiver, targets[waiver.name]), today)
        if finding.check in selected
    ]
    waivers: dict[str, list[WaiverSpec]] = {}
    for waiver in fleet.waivers:
        for finding in targets[waiver.name]:
            waivers.setdefault(finding.id, []).append(waiver)
    host_findings = [_waive(finding, waivers.get(finding.id, ()), today) for finding in report.findings]
    findings = sorted([*host_findings, *waiver_findings], key=attrgetter("host", "check", "subject"))
    verdicts = {host: worst_verdict(group) for host, group in groupby(findings, key=attrgetter("host"))}
    hosts = (replace(host, verdict=verdicts.get(host.host, host.verdict)) for host in report.hosts)
    return replace(report, hosts=tuple(hosts), findings=tuple(findings))


def _targets(waivers: Iterable[WaiverSpec], findings: Iterable[Finding]) -> dict[str, tuple[Finding, ...]]:
    """Map each waiver's name to the findings that it names, with any verdict and any observed value."""
    by_id: dict[str, list[Finding]] = {}
    by_check: dict[str, list[Finding]] = {}
    for finding in findings:
        by_id.setdefault(finding.id, []).append(finding)
        by_check.setdefault(finding.check, []).append(finding)
    return {
        waiver.name: tuple(by_id.get(waiver.finding, ()))
        if waiver.finding
        else tuple(
            finding
            for finding in by_check.get(waiver.check, ())
            if fnmatchcase(finding.host, waiver.host) and fnmatchcase(finding.subject, waiver.subject)
        )
        for waiver in waivers
    }


def _waive(finding: Finding, waivers: Sequence[WaiverSpec], today: date) -> Finding:
    """Waive a drift by the first of `waivers` that covers it.

    If none covers it, the message of the drift states why the first waiver does not.
    """
    if finding.verdict is not Verdict.DRIFT:
        return finding
    same_value = [waiver for waiver in waivers if waiver.observed == finding.observed]
    if valid := [waiver for waiver in same_value if today <= waiver.expires]:
        return replace(finding, verdict=Verdict.WAIVED, waiver=_waiver(valid[0]))
    for waiver in (*same_value, *waivers):
        expired = waiver.observed == finding.observed
        why = f"expired after {waiver.expires}" if expired else "covers another value"
        return replace(finding, message=f"{finding.message}; {_waiver_by(waiver)} {why}")
    return finding


# --- the checks of waivers ---------------------------------------------------------------------------------------


def _evaluate(
    waiver: WaiverSpec, targets: Iterable[Finding], gaps: Sequence[str] | None, today: date
) -> tuple[Finding, ...]:
    """Evaluate both checks. `gaps` lists what is unknown; None means that the run did not cover the waiver."""
    drifts = [finding for finding in targets if finding.verdict is Verdict.DRIFT]
    covered = [finding for finding in drifts if finding.observed == waiver.observed]
    by, expired = _waiver_by(waiver), today > waiver.expires
    result = partial(_finding, waiver)
    ok = partial(result, verdict=Verdict.OK, message="as expected", observed=_list_findings(covered))
    if covered and expired:
        message = f"{by} expired after {waiver.expires}, and the drift that it covered is still drift"
        return result(EXPIRED, Verdict.DRIFT, message, _list_findings(covered)), ok(UNUSED)
    if covered:
        return ok(EXPIRED), ok(UNUSED)
    if gaps is None:
        return ()
    if gaps:
        more = f", and {len(gaps) - 1} more" if len(gaps) > 1 else ""
        message = f"it is unknown whether {by} still covers a drift: {gaps[0]}{more}"
        unknown = partial(result, verdict=Verdict.UNKNOWN, message=message, observed="")
        return (unknown if expired else ok)(EXPIRED), unknown(UNUSED)
    if drifts:
        message = f"{by} covers another value than the one observed now: waive the drift again"
        return ok(EXPIRED), result(UNUSED, Verdict.DRIFT, message, drifts[0].observed)
    return ok(EXPIRED), result(UNUSED, Verdict.DRIFT, f"{by} covers no drift: remove it", "no drift")


def _finding(waiver: WaiverSpec, check: Check, verdict: Verdict, message: str, observed: str) -> Finding:
    if check is EXPIRED:
        expected = f"fixed, or waived again, by the end of {waiver.expires}"
    else:
        expected = f"drift with the observed value {_one_line(waiver.observed)}"
    return Finding(
        host=FLEET,
        check=check.id,
        subject=_one_line(waiver.name),
        verdict=verdict,
        severity=check.severity,
        expected=expected,
        observed=observed,
        message=message,
        fix=None,
        source=str(waiver.place),
    )


@dataclass(frozen=True, slots=True)
class _Scope:
    """The hosts and checks of a run, which decide whether a waiver may be reported as unused."""

    report: Report
    fleet: FleetSpec
    selected: frozenset[str]
    check_ids: frozenset[str]

    def gaps(self, waiver: WaiverSpec, targets: Sequence[Finding]) -> list[str] | None:
        """List the unknown findings that may hide a drift that the waiver covers.

        None if the run did not audit all hosts and checks that the waiver names: then both checks are skipped.
        """
        if targets and waiver.exact:
            return [_describe_gap(finding) for finding in targets if finding.verdict is Verdict.UNKNOWN]
        if not ({waiver.check} if waiver.check else self.check_ids) <= self.selected:
            return None
        # the result of a fleet check depends on all hosts
        all_hosts = waiver.finding or waiver.check.startswith("fleet.")
        needed = {host for host in self.fleet.hosts if all_hosts or fnmatchcase(host, waiver.host)}
        if not needed <= {host.host for host in self.report.hosts}:
            return None
        return [
            _describe_gap(finding)
            for finding in self.report.findings
            if finding.host in needed and _may_hide_drift(finding, waiver)
        ]


def _may_hide_drift(finding: Finding, waiver: WaiverSpec) -> bool:
    """Return whether an unknown finding may hide a drift that the waiver covers.

    Subjects are not compared: the cause of one unknown subject often makes the others unknown too.
    """
    section = finding.check.partition(".")[0]
    related = finding.check == REACHABLE.id or not waiver.check or section == waiver.check.partition(".")[0]
    return finding.verdict is Verdict.UNKNOWN and related


# --- texts -------------------------------------------------------------------------------------------------------


def _waiver(waiver: WaiverSpec) -> Waiver:
    return Waiver(
        name=_one_line(waiver.name),
        owner=_one_line(waiver.owner),
        reason=_one_line(waiver.reason),
        ticket=_one_line(waiver.ticket),
        expires=waiver.expires.isoformat(),
        source=str(waiver.place),
    )


def _waiver_by(waiver: WaiverSpec) -> str:
    return f"the waiver by {_waiver(waiver).accepted_by}"


def _list_findings(findings: Sequence[Finding]) -> str:
    """List the first `_MAX_LISTED` findings, and the number of the others."""
    listed = [f"{finding.host} {finding.check} {finding.subject}" for finding in findings[:_MAX_LISTED]]
    more = len(findings) - len(listed)
    return ", ".join(listed) + (f" and {more} more" if more else "")


def _describe_gap(finding: Finding) -> str:
    if finding.check == REACHABLE.id:
        return f"{finding.host} could not be audited"
    return f"{finding.check} of {finding.subject} on {finding.host} is unknown"


def _one_line(text: str) -> str:
    """Join the lines of a text from waivers.yaml, and escape unprintable characters."""
    return visible(" ".join(text.split()))
