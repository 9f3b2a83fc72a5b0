"""Waivers laid over reports: what is waived, what stays drift and why, and what is said of waivers themselves."""

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
OWN = frozenset(check.id for check in WAIVER_CHECKS)
BY = "the waiver by mek (x#1)"
OTHER = f"{BY} covers another value"


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
        fix="mend it",
        source=f"expected/hosts/{host}.yaml:7",
    )


def waiver(**said: str | date) -> WaiverSpec:
    """Accept `web.name` of web on ol-web1 while it is b, until the end of the day after today."""
    where = {} if "finding" in said else {"host": "ol-web1", "check": "web.name", "subject": "web"}
    word = {"observed": "b", "owner": "mek", "reason": "why", "ticket": "x#1", "expires": date(2026, 11, 23)}
    return WaiverSpec(**{**where, **word, **said}, place=Place("waivers.yaml", 3))  # type: ignore[arg-type]


def report(*findings: Finding, hosts: Sequence[str] = HOSTS, failed: Sequence[str] = ()) -> Report:
    """Put findings into a report. A failed host is one that could not be audited."""
    down = [finding(host, Verdict.UNKNOWN, check="host.reachable", subject="host") for host in failed]
    results = [
        values.host_result(
            host=host,
            verdict=Verdict.DRIFT,
            failure=Failure(FailureReason.TIMEOUT, "no answer") if host in failed else None,
        )
        for host in hosts
    ]
    ordered = sorted([*findings, *down], key=lambda found: (found.host, found.check, found.subject))
    return values.report(ordered, results)


@dataclass(frozen=True)
class Made:
    """What came of it: the host's findings, and the verdicts of the waivers by check."""

    whole: Report

    @property
    def hosts(self) -> list[Finding]:
        return [found for found in self.whole.findings if found.host != FLEET]

    @property
    def own(self) -> dict[str, tuple[str, str]]:
        return {
            found.check: (found.verdict.value, found.message)
            for found in self.whole.findings
            if found.host == FLEET
        }

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The verdicts of waiver.expired and waiver.unused, if there are any."""
        return tuple(self.own[check.id][0] for check in WAIVER_CHECKS if check.id in self.own)


def applied(
    seen: Report, *accepted: WaiverSpec, wanted: frozenset[str] = CHECKS | OWN, today: date = TODAY
) -> Made:
    hosts = {name: HostSpec(name, (), {}, {(): Place(f"hosts/{name}.yaml", 1)}) for name in HOSTS}
    fleet = FleetSpec(Path("expected"), "toys", "example.org", "r", hosts, waivers=accepted)
    return Made(apply(seen, fleet, wanted, CHECKS, today))


# --- what is waived --------------------------------------------------------------------------------------------

ID = finding_id("ol-web1", "web.name", "web")


@pytest.mark.parametrize(
    "accepted",
    [
        waiver(),
        waiver(finding=ID),
        waiver(host="ol-web*", subject="w?b"),
        waiver(subject="[w]eb"),
        waiver(expires=TODAY),  # until the end of the day
    ],
    ids=["exact", "id", "globs", "class", "expiring today"],
)
def test_drift_that_a_waiver_covers_is_waived_and_keeps_all_that_is_known_of_it(accepted: WaiverSpec) -> None:
    made = applied(report(finding()), accepted)
    (found,) = made.hosts
    assert replace(found, waiver=None, verdict=Verdict.DRIFT) == finding()
    assert found.verdict is Verdict.WAIVED
    assert found.waiver
    assert (found.waiver.name, found.waiver.owner, found.waiver.reason) == (accepted.name, "mek", "why")
    assert (found.waiver.ticket, found.waiver.expires) == ("x#1", accepted.expires.isoformat())
    assert found.waiver.source == "expected/waivers.yaml:3"
    assert made.own == {"waiver.expired": ("ok", "as expected"), "waiver.unused": ("ok", "as expected")}
    assert exit_code(made.whole) == 0


def test_a_waiver_on_several_lines_is_told_on_one_and_visibly() -> None:
    (found,) = applied(report(finding()), waiver(reason="one\n two\x1b[2J", owner="m\u202ek")).hosts
    assert found.waiver
    assert (found.waiver.reason, found.waiver.owner) == ("one two\\x1b[2J", "m\\u202ek")


def test_the_first_of_two_waivers_that_cover_a_drift_speaks_and_neither_is_unused() -> None:
    made = applied(report(finding()), waiver(owner="first"), waiver(host="ol-*", owner="second"))
    (found,) = made.hosts
    assert found.waiver
    assert found.waiver.owner == "first"
    assert made.whole.count(Verdict.OK) == 4


def test_a_valid_waiver_goes_before_an_expired_one_and_one_of_another_value() -> None:
    others = (waiver(host="ol-web?", expires=date(2026, 11, 21)), waiver(host="*", observed="c"))
    (found,) = applied(report(finding()), *others, waiver()).hosts
    assert found.verdict is Verdict.WAIVED


def test_a_hosts_verdict_is_that_of_what_is_not_waived() -> None:
    both = report(finding("ol-web1"), finding("ol-web2"))
    verdicts = {host.host: host.verdict for host in applied(both, waiver()).whole.hosts}
    assert verdicts["ol-web1"] is Verdict.OK
    assert verdicts["ol-web2"] is Verdict.DRIFT


# --- what is not -----------------------------------------------------------------------------------------------


def test_another_observed_value_is_drift_and_says_that_the_waiver_covers_another() -> None:
    made = applied(report(finding()), waiver(observed="c"))
    assert made.hosts == [replace(finding(), message=f"it is b; {OTHER}")]
    assert made.own == {
        "waiver.expired": ("ok", "as expected"),
        "waiver.unused": ("drift", f"{BY} covers another value than the drift has now: waive it anew"),
    }


def test_an_expired_waiver_is_drift_again_and_the_waiver_is_a_finding_of_its_own() -> None:
    made = applied(report(finding()), waiver(expires=date(2026, 11, 21)))
    assert made.hosts == [replace(finding(), message=f"it is b; {BY} expired after 2026-11-21")]
    assert made.whole.findings[0] == Finding(
        host="(fleet)",
        check="waiver.expired",
        subject="ol-web1/web.name/web",
        verdict=Verdict.DRIFT,
        severity=Severity.WARNING,
        expected="mended, or waived anew, by the end of 2026-11-21",
        observed="ol-web1 web.name web",
        message=f"{BY} expired after 2026-11-21, and what it covered is still drift",
        fix=None,
        source="expected/waivers.yaml:3",
    )
    assert made.verdicts == ("drift", "ok")
    assert exit_code(made.whole) == 1


def test_an_expired_waiver_is_one_finding_however_much_it_covered() -> None:
    many = report(*(finding(subject=f"web{n}") for n in range(5)))
    made = applied(many, waiver(subject="web*", expires=date(2026, 11, 21)))
    (expired,) = (found for found in made.whole.findings if found.check == "waiver.expired")
    assert expired.observed == "ol-web1 web.name web0, ol-web1 web.name web1, ol-web1 web.name web2 and 2 more"


@pytest.mark.parametrize("expires", [date(2026, 11, 21), date(2026, 11, 23)], ids=["expired", "valid"])
def test_a_waiver_of_what_is_mended_is_unused_and_not_expired(expires: date) -> None:
    made = applied(report(finding(verdict=Verdict.OK)), waiver(expires=expires))
    assert made.whole.findings[1] == Finding(
        host="(fleet)",
        check="waiver.unused",
        subject="ol-web1/web.name/web",
        verdict=Verdict.DRIFT,
        severity=Severity.INFO,
        expected="drift with the observed value b",
        observed="no drift",
        message=f"{BY} covers nothing any more: take it out",
        fix=None,
        source="expected/waivers.yaml:3",
    )
    assert made.verdicts == ("ok", "drift")
    assert exit_code(made.whole) == 0


@pytest.mark.parametrize(
    "other",
    [finding("ol-web2"), finding(check="web.mode"), finding(subject="webb")],
    ids=["host", "check", "subject"],
)
def test_what_a_waiver_does_not_name_is_not_touched(other: Finding) -> None:
    made = applied(report(other), waiver())
    assert made.hosts == [other]
    assert made.verdicts == ("ok", "drift")


# --- what is unknown -------------------------------------------------------------------------------------------

DOWN = report(failed=["ol-web1"])
BLIND = report(finding(verdict=Verdict.UNKNOWN))
KIND_BLIND = report(finding(verdict=Verdict.UNKNOWN, check="web.mode", subject="else"))
OTHER_DOWN = report(failed=["ol-db1"])
IS_DOWN = "ol-web1 could not be audited"
IS_UNKNOWN = "web.name of web on ol-web1 is unknown"


@pytest.mark.parametrize(
    ("seen", "accepted", "why"),
    [
        (DOWN, waiver(), IS_DOWN),
        (DOWN, waiver(host="ol-*"), IS_DOWN),
        (DOWN, waiver(finding=ID), IS_DOWN),
        (BLIND, waiver(), IS_UNKNOWN),
        (BLIND, waiver(finding=ID), IS_UNKNOWN),
        (BLIND, waiver(subject="w*"), IS_UNKNOWN),
        (KIND_BLIND, waiver(), "web.mode of else on ol-web1 is unknown"),
        (KIND_BLIND, waiver(finding=ID), "web.mode of else on ol-web1 is unknown"),
        (OTHER_DOWN, waiver(check="fleet.git"), "ol-db1 could not be audited"),
        (OTHER_DOWN, waiver(finding="0123456789ab"), "ol-db1 could not be audited"),
        (report(failed=["ol-web1", "ol-web2"]), waiver(host="ol-web*"), f"{IS_DOWN}, and 1 more"),
    ],
)
def test_a_waiver_whose_drift_could_not_be_looked_for_is_not_called_unused(
    seen: Report, accepted: WaiverSpec, why: str
) -> None:
    made = applied(seen, accepted)
    assert made.hosts == list(seen.findings)
    said = f"whether {BY} still covers anything is not known: {why}"
    assert made.own == {"waiver.expired": ("ok", "as expected"), "waiver.unused": ("unknown", said)}
    expired = applied(seen, replace(accepted, expires=date(2026, 11, 21)))
    assert expired.own == {"waiver.expired": ("unknown", said), "waiver.unused": ("unknown", said)}


@pytest.mark.parametrize("seen", [OTHER_DOWN, report(finding("ol-web2", Verdict.UNKNOWN))])
def test_what_is_unknown_elsewhere_does_not_matter(seen: Report) -> None:
    assert applied(seen, waiver()).verdicts == ("ok", "drift")


def test_what_was_seen_in_part_is_known_to_be_used() -> None:
    seen = report(finding("ol-web2"), failed=["ol-web1"])
    assert applied(seen, waiver(host="ol-web*")).verdicts == ("ok", "ok")


def test_what_was_seen_to_be_fine_is_known_to_be_unused_whatever_else_is_unknown() -> None:
    seen = report(finding(verdict=Verdict.OK), finding(verdict=Verdict.UNKNOWN, subject="else"), failed=["ol-db1"])
    for accepted in (waiver(), waiver(finding=ID)):
        assert applied(seen, accepted).verdicts == ("ok", "drift")


# --- runs that look at a part ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "hosts", "checks"),
    [
        (waiver(), ["ol-web2"], CHECKS),
        (waiver(host="ol-web*"), ["ol-web1"], CHECKS),
        (waiver(), HOSTS, CHECKS - {"web.name"}),
        (waiver(check="fleet.git"), ["ol-web1", "ol-web2"], CHECKS),
        (waiver(finding=ID), ["ol-web1", "ol-web2"], CHECKS),
        (waiver(finding=ID), HOSTS, CHECKS - {"web.mode"}),
        (waiver(finding=ID), HOSTS, frozenset({"host.reachable"})),
    ],
    ids=["host", "some hosts", "check", "hosts that agree", "id, hosts", "id, checks", "only waivers"],
)
def test_a_run_that_did_not_look_for_a_waivers_drift_says_nothing_of_the_waiver(
    accepted: WaiverSpec, hosts: Sequence[str], checks: frozenset[str]
) -> None:
    assert applied(report(hosts=hosts), accepted, wanted=checks | OWN).own == {}


@pytest.mark.parametrize("accepted", [waiver(), waiver(host="ol-*"), waiver(finding=ID)])
def test_a_run_that_looked_at_the_part_that_matters_says_what_it_saw(accepted: WaiverSpec) -> None:
    wanted = frozenset({"host.reachable", "web.name"}) | OWN
    assert applied(report(finding(), hosts=["ol-web1"]), accepted, wanted=wanted).verdicts == ("ok", "ok")


def test_a_run_of_all_of_a_waivers_hosts_may_call_it_unused() -> None:
    assert applied(report(hosts=["ol-web1"]), waiver()).verdicts == ("ok", "drift")


def test_waivers_hold_but_are_not_judged_where_nobody_wants_that() -> None:
    made = applied(report(finding()), waiver(), waiver(host="ol-db1"), wanted=CHECKS)
    assert made.own == {}
    assert made.hosts[0].verdict is Verdict.WAIVED
    made = applied(report(finding()), waiver(host="ol-db1"), wanted=CHECKS | {"waiver.unused"})
    assert list(made.own) == ["waiver.unused"]


# --- laws ------------------------------------------------------------------------------------------------------

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


@given(REPORTS, st.lists(WAIVERS, max_size=4, unique_by=lambda one: one.name))
def test_nothing_is_ever_taken_out_and_only_drift_is_ever_waived(seen: Report, accepted: list[WaiverSpec]) -> None:
    made = applied(seen, *accepted)
    assert len(made.hosts) == len(seen.findings)
    for before, after in zip(seen.findings, made.hosts, strict=True):
        if after.verdict is Verdict.WAIVED:
            assert before.verdict is Verdict.DRIFT
            assert replace(after, verdict=Verdict.DRIFT, waiver=None) == before
        else:
            assert after.waiver is None
            assert after.message.startswith(before.message)
            assert replace(after, message=before.message) == before
            if before.verdict is not Verdict.DRIFT:
                assert after == before


@given(REPORTS, st.lists(WAIVERS, max_size=4, unique_by=lambda one: one.name))
def test_a_report_with_waivers_is_sorted_and_says_of_every_waiver_both_or_neither(
    seen: Report, accepted: list[WaiverSpec]
) -> None:
    findings = applied(seen, *accepted).whole.findings
    keys = [(found.host, found.check, found.subject) for found in findings]
    assert keys == sorted(keys)
    named = {check.id: {found.subject for found in findings if found.check == check.id} for check in WAIVER_CHECKS}
    assert named["waiver.expired"] == named["waiver.unused"] <= {one.name for one in accepted}
