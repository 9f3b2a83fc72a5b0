"""Waivers applied to reports: which drift is waived, why other drift is not, and the checks of waivers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.audit import exit_code
from olaudit.expected.spec import FleetSpec, HostSpec, Place, WaiverSpec
from olaudit.model import FLEET, Failure, FailureReason, Finding, Report, Severity, Verdict, finding_id
from olaudit.waivers import CHECKS as WAIVER_CHECKS
from olaudit.waivers import apply
from tests import values

TODAY = date(2026, 11, 22)
HOSTS = ("ol-db1", "ol-web1", "ol-web2")
CHECKS = frozenset({"host.reachable", "web.mode", "web.name", "fleet.git"})
WAIVER_IDS = frozenset(check.id for check in WAIVER_CHECKS)
WAIVER = "the waiver by mek (x#1)"


def finding(
    host: str = "ol-web1",
    verdict: Verdict = Verdict.DRIFT,
    *,
    check: str = "web.name",
    subject: str = "web",
    severity: Severity = Severity.WARNING,
) -> Finding:
    return values.finding(
        host=host,
        check=check,
        subject=subject,
        verdict=verdict,
        severity=severity,
        expected="a",
        observed="b" if verdict is Verdict.DRIFT else "",
        message="it is b",
        fix="fix it",
        source=f"expected/hosts/{host}.yaml:7",
    )


def waiver(**changes: str | date) -> WaiverSpec:
    """Build a waiver of `web.name` of web on ol-web1 with the observed value b, valid until tomorrow."""
    target = {} if "finding" in changes else {"host": "ol-web1", "check": "web.name", "subject": "web"}
    acceptance = {"observed": "b", "owner": "mek", "reason": "why", "ticket": "x#1", "expires": date(2026, 11, 23)}
    return WaiverSpec(**{**target, **acceptance, **changes}, place=Place("waivers.yaml", 3))  # type: ignore[arg-type]


def report(*findings: Finding, hosts: Sequence[str] = HOSTS, failed: Sequence[str] = ()) -> Report:
    """Build a report of findings. The hosts of `failed` could not be audited."""
    unreachable = [finding(host, Verdict.UNKNOWN, check="host.reachable", subject="host") for host in failed]
    results = [
        values.host_result(
            host=host,
            verdict=Verdict.DRIFT,
            failure=Failure(FailureReason.TIMEOUT, "no answer") if host in failed else None,
        )
        for host in hosts
    ]
    ordered = sorted([*findings, *unreachable], key=lambda finding: (finding.host, finding.check, finding.subject))
    return values.report(ordered, results)


@dataclass(frozen=True)
class Outcome:
    """A report with waivers applied: the findings of hosts, and the findings of waivers by check."""

    report: Report

    @property
    def host_findings(self) -> list[Finding]:
        return [finding for finding in self.report.findings if finding.host != FLEET]

    @property
    def waiver_findings(self) -> dict[str, tuple[str, str]]:
        return {
            finding.check: (finding.verdict.value, finding.message)
            for finding in self.report.findings
            if finding.host == FLEET
        }

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The verdicts of waiver.expired and waiver.unused, where evaluated."""
        results = self.waiver_findings
        return tuple(results[check.id][0] for check in WAIVER_CHECKS if check.id in results)


def apply_waivers(
    before: Report, *waivers: WaiverSpec, selected: frozenset[str] = CHECKS | WAIVER_IDS, today: date = TODAY
) -> Outcome:
    hosts = {name: HostSpec(name, (), {}, {(): Place(f"hosts/{name}.yaml", 1)}) for name in HOSTS}
    fleet = FleetSpec(Path("expected"), "toys", "example.org", "r", hosts, waivers=waivers)
    return Outcome(apply(before, fleet, selected, CHECKS, today))


# --- waived drift ------------------------------------------------------------------------------------------------

ID = finding_id("ol-web1", "web.name", "web")


@pytest.mark.parametrize(
    "spec",
    [
        waiver(),
        waiver(finding=ID),
        waiver(host="ol-web*", subject="w?b"),
        waiver(subject="[w]eb"),
        waiver(expires=TODAY),  # until the end of the day
    ],
    ids=["exact", "id", "globs", "class", "expiring today"],
)
def test_covered_drift_is_waived_and_otherwise_unchanged(spec: WaiverSpec) -> None:
    outcome = apply_waivers(report(finding()), spec)
    (waived,) = outcome.host_findings
    assert replace(waived, waiver=None, verdict=Verdict.DRIFT) == finding()
    assert waived.verdict is Verdict.WAIVED
    assert waived.waiver
    assert (waived.waiver.name, waived.waiver.owner, waived.waiver.reason) == (spec.name, "mek", "why")
    assert (waived.waiver.ticket, waived.waiver.expires) == ("x#1", spec.expires.isoformat())
    assert waived.waiver.source == "expected/waivers.yaml:3"
    assert outcome.waiver_findings == {
        "waiver.expired": ("ok", "as expected"),
        "waiver.unused": ("ok", "as expected"),
    }
    assert exit_code(outcome.report) == 0


def test_waiver_texts_become_one_visible_line() -> None:
    outcome = apply_waivers(report(finding()), waiver(reason="one\n two\x1b[2J", owner="m\u202ek"))
    (waived,) = outcome.host_findings
    assert waived.waiver
    assert (waived.waiver.reason, waived.waiver.owner) == ("one two\\x1b[2J", "m\\u202ek")


def test_first_of_two_covering_waivers_applies_and_both_are_used() -> None:
    outcome = apply_waivers(report(finding()), waiver(owner="first"), waiver(host="ol-*", owner="second"))
    (waived,) = outcome.host_findings
    assert waived.waiver
    assert waived.waiver.owner == "first"
    assert outcome.report.count(Verdict.OK) == 4


def test_valid_waiver_precedes_expired_and_other_value() -> None:
    others = (waiver(host="ol-web?", expires=date(2026, 11, 21)), waiver(host="*", observed="c"))
    (waived,) = apply_waivers(report(finding()), *others, waiver()).host_findings
    assert waived.verdict is Verdict.WAIVED


def test_host_verdict_ignores_waived_findings() -> None:
    both = report(finding("ol-web1"), finding("ol-web2"))
    verdicts = {host.host: host.verdict for host in apply_waivers(both, waiver()).report.hosts}
    assert verdicts["ol-web1"] is Verdict.OK
    assert verdicts["ol-web2"] is Verdict.DRIFT


# --- drift that is not waived ------------------------------------------------------------------------------------


def test_drift_with_another_observed_value_is_not_waived() -> None:
    outcome = apply_waivers(report(finding()), waiver(observed="c"))
    assert outcome.host_findings == [replace(finding(), message=f"it is b; {WAIVER} covers another value")]
    assert outcome.waiver_findings == {
        "waiver.expired": ("ok", "as expected"),
        "waiver.unused": (
            "drift",
            f"{WAIVER} covers another value than the one observed now: waive the drift again",
        ),
    }


def test_expired_waiver_makes_drift_again_and_a_waiver_finding() -> None:
    outcome = apply_waivers(report(finding()), waiver(expires=date(2026, 11, 21)))
    assert outcome.host_findings == [replace(finding(), message=f"it is b; {WAIVER} expired after 2026-11-21")]
    assert outcome.report.findings[0] == Finding(
        host="(fleet)",
        check="waiver.expired",
        subject="ol-web1/web.name/web",
        verdict=Verdict.DRIFT,
        severity=Severity.WARNING,
        expected="fixed, or waived again, by the end of 2026-11-21",
        observed="ol-web1 web.name web",
        message=f"{WAIVER} expired after 2026-11-21, and the drift that it covered is still drift",
        fix=None,
        source="expected/waivers.yaml:3",
    )
    assert outcome.verdicts == ("drift", "ok")
    assert exit_code(outcome.report) == 1


def test_expired_waiver_of_many_drifts_is_one_finding() -> None:
    many = report(*(finding(subject=f"web{n}") for n in range(5)))
    outcome = apply_waivers(many, waiver(subject="web*", expires=date(2026, 11, 21)))
    (expired,) = (finding for finding in outcome.report.findings if finding.check == "waiver.expired")
    assert expired.observed == "ol-web1 web.name web0, ol-web1 web.name web1, ol-web1 web.name web2 and 2 more"


@pytest.mark.parametrize("expires", [date(2026, 11, 21), date(2026, 11, 23)], ids=["expired", "valid"])
def test_waiver_of_fixed_drift_is_unused_and_not_expired(expires: date) -> None:
    outcome = apply_waivers(report(finding(verdict=Verdict.OK)), waiver(expires=expires))
    assert outcome.report.findings[1] == Finding(
        host="(fleet)",
        check="waiver.unused",
        subject="ol-web1/web.name/web",
        verdict=Verdict.DRIFT,
        severity=Severity.INFO,
        expected="drift with the observed value b",
        observed="no drift",
        message=f"{WAIVER} covers no drift: remove it",
        fix=None,
        source="expected/waivers.yaml:3",
    )
    assert outcome.verdicts == ("ok", "drift")
    assert exit_code(outcome.report) == 0


@pytest.mark.parametrize(
    "other",
    [finding("ol-web2"), finding(check="web.mode"), finding(subject="webb")],
    ids=["host", "check", "subject"],
)
def test_finding_that_a_waiver_does_not_name_is_unchanged(other: Finding) -> None:
    outcome = apply_waivers(report(other), waiver())
    assert outcome.host_findings == [other]
    assert outcome.verdicts == ("ok", "drift")


# --- unknown findings --------------------------------------------------------------------------------------------

UNREACHABLE = report(failed=["ol-web1"])
UNKNOWN = report(finding(verdict=Verdict.UNKNOWN))
RELATED_UNKNOWN = report(finding(verdict=Verdict.UNKNOWN, check="web.mode", subject="else"))
OTHER_UNREACHABLE = report(failed=["ol-db1"])
NOT_AUDITED = "ol-web1 could not be audited"
IS_UNKNOWN = "web.name of web on ol-web1 is unknown"


@pytest.mark.parametrize(
    ("before", "spec", "gap"),
    [
        (UNREACHABLE, waiver(), NOT_AUDITED),
        (UNREACHABLE, waiver(host="ol-*"), NOT_AUDITED),
        (UNREACHABLE, waiver(finding=ID), NOT_AUDITED),
        (UNKNOWN, waiver(), IS_UNKNOWN),
        (UNKNOWN, waiver(finding=ID), IS_UNKNOWN),
        (UNKNOWN, waiver(subject="w*"), IS_UNKNOWN),
        (RELATED_UNKNOWN, waiver(), "web.mode of else on ol-web1 is unknown"),
        (RELATED_UNKNOWN, waiver(finding=ID), "web.mode of else on ol-web1 is unknown"),
        (OTHER_UNREACHABLE, waiver(check="fleet.git"), "ol-db1 could not be audited"),
        (OTHER_UNREACHABLE, waiver(finding="0123456789ab"), "ol-db1 could not be audited"),
        (report(failed=["ol-web1", "ol-web2"]), waiver(host="ol-web*"), f"{NOT_AUDITED}, and 1 more"),
    ],
)
def test_waiver_of_unknown_finding_is_not_unused(before: Report, spec: WaiverSpec, gap: str) -> None:
    outcome = apply_waivers(before, spec)
    assert outcome.host_findings == list(before.findings)
    unknown = ("unknown", f"it is unknown whether {WAIVER} still covers a drift: {gap}")
    assert outcome.waiver_findings == {"waiver.expired": ("ok", "as expected"), "waiver.unused": unknown}
    expired = apply_waivers(before, replace(spec, expires=date(2026, 11, 21)))
    assert expired.waiver_findings == {"waiver.expired": unknown, "waiver.unused": unknown}


@pytest.mark.parametrize("before", [OTHER_UNREACHABLE, report(finding("ol-web2", Verdict.UNKNOWN))])
def test_unrelated_unknown_finding_does_not_count(before: Report) -> None:
    assert apply_waivers(before, waiver()).verdicts == ("ok", "drift")


def test_waiver_of_glob_with_one_drift_is_used() -> None:
    before = report(finding("ol-web2"), failed=["ol-web1"])
    assert apply_waivers(before, waiver(host="ol-web*")).verdicts == ("ok", "ok")


def test_waiver_of_ok_finding_is_unused_despite_other_unknowns() -> None:
    other = finding(verdict=Verdict.UNKNOWN, subject="else")
    before = report(finding(verdict=Verdict.OK), other, failed=["ol-db1"])
    for spec in (waiver(), waiver(finding=ID)):
        assert apply_waivers(before, spec).verdicts == ("ok", "drift")


# --- runs of some hosts or checks --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "hosts", "checks"),
    [
        (waiver(), ["ol-web2"], CHECKS),
        (waiver(host="ol-web*"), ["ol-web1"], CHECKS),
        (waiver(), HOSTS, CHECKS - {"web.name"}),
        (waiver(check="fleet.git"), ["ol-web1", "ol-web2"], CHECKS),
        (waiver(finding=ID), ["ol-web1", "ol-web2"], CHECKS),
        (waiver(finding=ID), HOSTS, CHECKS - {"web.mode"}),
        (waiver(finding=ID), HOSTS, frozenset({"host.reachable"})),
    ],
    ids=["host", "some hosts", "check", "hosts that agree", "id, hosts", "id, checks", "only reachable"],
)
def test_run_that_does_not_cover_a_waiver_skips_its_checks(
    spec: WaiverSpec, hosts: Sequence[str], checks: frozenset[str]
) -> None:
    assert apply_waivers(report(hosts=hosts), spec, selected=checks | WAIVER_IDS).waiver_findings == {}


@pytest.mark.parametrize("spec", [waiver(), waiver(host="ol-*"), waiver(finding=ID)])
def test_partial_run_that_finds_the_drift_evaluates_the_waiver(spec: WaiverSpec) -> None:
    selected = frozenset({"host.reachable", "web.name"}) | WAIVER_IDS
    before = report(finding(), hosts=["ol-web1"])
    assert apply_waivers(before, spec, selected=selected).verdicts == ("ok", "ok")


def test_run_of_all_hosts_of_a_waiver_can_report_it_unused() -> None:
    assert apply_waivers(report(hosts=["ol-web1"]), waiver()).verdicts == ("ok", "drift")


def test_waivers_apply_even_if_their_checks_are_not_selected() -> None:
    outcome = apply_waivers(report(finding()), waiver(), waiver(host="ol-db1"), selected=CHECKS)
    assert outcome.waiver_findings == {}
    assert outcome.host_findings[0].verdict is Verdict.WAIVED
    outcome = apply_waivers(report(finding()), waiver(host="ol-db1"), selected=CHECKS | {"waiver.unused"})
    assert list(outcome.waiver_findings) == ["waiver.unused"]


# --- properties --------------------------------------------------------------------------------------------------

FINDINGS = st.builds(
    finding,
    st.sampled_from(HOSTS),
    st.sampled_from([Verdict.OK, Verdict.DRIFT, Verdict.UNKNOWN]),
    check=st.sampled_from(["web.name", "web.mode", "fleet.git"]),
    subject=st.sampled_from(["web", "webb", "[x]", ""]),
    severity=st.sampled_from(Severity),
)
DAYS = st.dates(date(2026, 11, 20), date(2026, 11, 25))
WAIVERS = st.builds(
    waiver,
    host=st.sampled_from(["ol-web1", "ol-*", "*", "ol-[!w]*"]),
    check=st.sampled_from(["web.name", "web.mode", "fleet.git"]),
    subject=st.sampled_from(["web", "*", "[[]x]", "w*"]),
    observed=st.sampled_from(["b", "", "c"]),
    expires=DAYS,
) | st.builds(waiver, finding=st.just(ID), expires=DAYS)
REPORTS = st.builds(
    lambda findings, failed: report(*findings, failed=failed), st.lists(FINDINGS), st.sets(st.sampled_from(HOSTS))
)


@given(REPORTS, st.lists(WAIVERS, max_size=4, unique_by=lambda spec: spec.name))
def test_no_finding_is_removed_and_only_drift_is_waived(unwaived: Report, specs: list[WaiverSpec]) -> None:
    outcome = apply_waivers(unwaived, *specs)
    assert len(outcome.host_findings) == len(unwaived.findings)
    for before, after in zip(unwaived.findings, outcome.host_findings, strict=True):
        if after.verdict is Verdict.WAIVED:
            assert before.verdict is Verdict.DRIFT
            assert replace(after, verdict=Verdict.DRIFT, waiver=None) == before
        else:
            assert after.waiver is None
            assert after.message.startswith(before.message)
            assert replace(after, message=before.message) == before
            if before.verdict is not Verdict.DRIFT:
                assert after == before


@given(REPORTS, st.lists(WAIVERS, max_size=4, unique_by=lambda spec: spec.name))
def test_report_is_sorted_and_has_both_waiver_checks_or_neither(unwaived: Report, specs: list[WaiverSpec]) -> None:
    findings = apply_waivers(unwaived, *specs).report.findings
    keys = [(finding.host, finding.check, finding.subject) for finding in findings]
    assert keys == sorted(keys)
    subjects = {
        check.id: {finding.subject for finding in findings if finding.check == check.id} for check in WAIVER_CHECKS
    }
    assert subjects["waiver.expired"] == subjects["waiver.unused"] <= {spec.name for spec in specs}
