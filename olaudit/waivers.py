"""Waivers laid over a report: what somebody answers for is waived; what a waiver does not cover stays drift.

Pure, and without a clock. Nothing is ever taken out of the report, and what is unknown stays unknown: a waiver
accepts what was seen, never what was not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from itertools import groupby

from olaudit.audit import worst_verdict
from olaudit.checker import Check
from olaudit.evaluate import REACHABLE
from olaudit.expected.spec import FleetSpec, WaiverSpec
from olaudit.model import FLEET, Finding, Report, Severity, Verdict, Waiver
from olaudit.text import visible

EXPIRED = Check(
    "waiver.expired",
    Severity.WARNING,
    "the last day of a waiver is past, and what it covered is still drift",
    "mend the drift, or waive it anew: `olaudit waive` prints what to write",
)
UNUSED = Check(
    "waiver.unused",
    Severity.INFO,
    "no drift is what a waiver covers: it was mended, or its observed value is another one now",
    "take the waiver out of `expected/waivers.yaml`",
)
CHECKS = (EXPIRED, UNUSED)

_NAMED = 3  # of what an expired waiver still covers, as many are named


def apply(report: Report, fleet: FleetSpec, wanted: frozenset[str], checks: frozenset[str], today: date) -> Report:
    """Lay the fleet's waivers over `report`, and say which of them are expired or unused.

    `wanted` are the ids of the checks that were made, `checks` those of all that can be; `today` is UTC's.
    """
    about = _about(fleet.waivers, report.findings)
    scope = _Scope(report, fleet, wanted, checks)
    own = [
        judged
        for waiver in fleet.waivers
        for judged in _Seen.of(waiver, about[waiver.name], today).evaluate(scope.gaps(waiver, about[waiver.name]))
        if judged.check in wanted
    ]
    over: dict[str, list[WaiverSpec]] = {}
    for waiver in fleet.waivers:
        for found in about[waiver.name]:
            over.setdefault(found.id, []).append(waiver)
    covered = [_covered(found, over.get(found.id, ()), today) for found in report.findings]
    findings = sorted([*covered, *own], key=lambda found: (found.host, found.check, found.subject))
    verdicts = {host: worst_verdict(of_host) for host, of_host in groupby(findings, key=lambda found: found.host)}
    hosts = (replace(host, verdict=verdicts.get(host.host, host.verdict)) for host in report.hosts)
    return replace(report, hosts=tuple(hosts), findings=tuple(findings))


def _about(waivers: Iterable[WaiverSpec], findings: Iterable[Finding]) -> dict[str, tuple[Finding, ...]]:
    """Give, by waiver, the findings that it is about, whatever their verdicts and observed values."""
    by_id: dict[str, list[Finding]] = {}
    by_check: dict[str, list[Finding]] = {}
    for found in findings:
        by_id.setdefault(found.id, []).append(found)
        by_check.setdefault(found.check, []).append(found)
    return {
        waiver.name: tuple(by_id.get(waiver.finding, ()))
        if waiver.finding
        else tuple(
            found
            for found in by_check.get(waiver.check, ())
            if fnmatchcase(found.host, waiver.host) and fnmatchcase(found.subject, waiver.subject)
        )
        for waiver in waivers
    }


def _covered(found: Finding, about: Sequence[WaiverSpec], today: date) -> Finding:
    """Waive a drift by the first waiver that covers it, else say of the first that is about it why it does not."""
    if found.verdict is not Verdict.DRIFT:
        return found
    same = [waiver for waiver in about if waiver.observed == found.observed]
    if valid := [waiver for waiver in same if today <= waiver.expires]:
        return replace(found, verdict=Verdict.WAIVED, waiver=_waiver(valid[0]))
    for waiver in (*same, *about):
        why = f"expired after {waiver.expires}" if waiver.observed == found.observed else "covers another value"
        return replace(found, message=f"{found.message}; {_whose(waiver)} {why}")
    return found


# --- the waivers themselves ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Seen:
    """A waiver, and what a run saw of the drift that it is about: what it covers, and what has another value."""

    waiver: WaiverSpec
    covered: tuple[Finding, ...]
    changed: tuple[Finding, ...]
    late: bool

    @classmethod
    def of(cls, waiver: WaiverSpec, about: Iterable[Finding], today: date) -> _Seen:
        drifts = [found for found in about if found.verdict is Verdict.DRIFT]
        return cls(
            waiver,
            tuple(found for found in drifts if found.observed == waiver.observed),
            tuple(found for found in drifts if found.observed != waiver.observed),
            today > waiver.expires,
        )

    def evaluate(self, gaps: Sequence[str] | None) -> tuple[Finding, ...]:
        """Judge by both checks. `gaps` is what could not be looked at; None: that was not asked of the run."""
        if self.covered:
            return (self._expired() if self.late else self._fine(EXPIRED), self._fine(UNUSED))
        if gaps is None:
            return ()
        if gaps:
            blind = self._unknown(EXPIRED, gaps) if self.late else self._fine(EXPIRED)
            return (blind, self._unknown(UNUSED, gaps))
        return (self._fine(EXPIRED), self._unused())

    def _expired(self) -> Finding:
        message = f"{_whose(self.waiver)} expired after {self.waiver.expires}, and what it covered is still drift"
        return self._finding(EXPIRED, Verdict.DRIFT, message, _listed(self.covered))

    def _unused(self) -> Finding:
        if self.changed:
            observed, why = self.changed[0].observed, "covers another value than the drift has now: waive it anew"
        else:
            observed, why = "no drift", "covers nothing any more: take it out"
        return self._finding(UNUSED, Verdict.DRIFT, f"{_whose(self.waiver)} {why}", observed)

    def _fine(self, check: Check) -> Finding:
        return self._finding(check, Verdict.OK, "as expected", _listed(self.covered))

    def _unknown(self, check: Check, gaps: Sequence[str]) -> Finding:
        more = f", and {len(gaps) - 1} more" if len(gaps) > 1 else ""
        message = f"whether {_whose(self.waiver)} still covers anything is not known: {gaps[0]}{more}"
        return self._finding(check, Verdict.UNKNOWN, message, "")

    def _finding(self, check: Check, verdict: Verdict, message: str, observed: str) -> Finding:
        expected = {
            EXPIRED.id: f"mended, or waived anew, by the end of {self.waiver.expires}",
            UNUSED.id: f"drift with the observed value {_line(self.waiver.observed)}",
        }
        return Finding(
            host=FLEET,
            check=check.id,
            subject=_line(self.waiver.name),
            verdict=verdict,
            severity=check.severity,
            expected=expected[check.id],
            observed=observed,
            message=message,
            fix=None,
            source=str(self.waiver.place),
        )


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a run was to look at, and what it saw of that."""

    report: Report
    fleet: FleetSpec
    wanted: frozenset[str]
    checks: frozenset[str]

    def gaps(self, waiver: WaiverSpec, about: Sequence[Finding]) -> list[str] | None:
        """List what had to be seen, and was not, before the waiver may be called unused.

        None: this run was not to look at all of that, so there is nothing to say.
        """
        if about and waiver.exact:
            return [_unseen(found) for found in about if found.verdict is Verdict.UNKNOWN]
        if not ({waiver.check} if waiver.check else self.checks) <= self.wanted:
            return None
        # hosts that should agree are judged by all of them
        everywhere = waiver.finding or waiver.check.startswith("fleet.")
        needed = {host for host in self.fleet.hosts if everywhere or fnmatchcase(host, waiver.host)}
        if not needed <= {host.host for host in self.report.hosts}:
            return None
        return [_unseen(found) for found in self.report.findings if found.host in needed and _hides(found, waiver)]


def _hides(found: Finding, waiver: WaiverSpec) -> bool:
    """Say whether an unknown may hide what the waiver covers.

    Its subject does not matter: what a host could not tell of one, it could often not tell of any.
    """
    kind = found.check.partition(".")[0]
    near = found.check == REACHABLE.id or not waiver.check or kind == waiver.check.partition(".")[0]
    return found.verdict is Verdict.UNKNOWN and near


# --- words -----------------------------------------------------------------------------------------------------


def _waiver(waiver: WaiverSpec) -> Waiver:
    return Waiver(
        name=_line(waiver.name),
        owner=_line(waiver.owner),
        reason=_line(waiver.reason),
        ticket=_line(waiver.ticket),
        expires=waiver.expires.isoformat(),
        source=str(waiver.place),
    )


def _whose(waiver: WaiverSpec) -> str:
    return f"the waiver by {_waiver(waiver).accepted_by}"


def _listed(findings: Sequence[Finding]) -> str:
    """Name what is still drift, not all of it where it is much."""
    named = [f"{found.host} {found.check} {found.subject}" for found in findings[:_NAMED]]
    more = len(findings) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _unseen(found: Finding) -> str:
    if found.check == REACHABLE.id:
        return f"{found.host} could not be audited"
    return f"{found.check} of {found.subject} on {found.host} is unknown"


def _line(text: str) -> str:
    """Put what people wrote, on as many lines as they liked, on one that prints."""
    return visible(" ".join(text.split()))
