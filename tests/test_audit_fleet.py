"""Comparison of hosts: whose votes count, and what `audit` does with the results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from olaudit.audit import audit, exit_code, plan, select_checks
from olaudit.checker import AnyChecker, Checker
from olaudit.evaluate import REACHABLE
from olaudit.expected.spec import HostSpec, Place
from olaudit.model import (
    Answered,
    Answers,
    Check,
    Command,
    Fact,
    Facts,
    Failure,
    FailureReason,
    Finding,
    HostAnswers,
    Report,
    Severity,
    Verdict,
    Vote,
)
from tests.values import RUN

COLOUR = Command(("cat", "/etc/colour"))
DOWN = Failure(FailureReason.TIMEOUT, "no answer")


SAME_COLOUR = Check("fleet.colour", Severity.CRITICAL, "another")
SAME_SHADE = Check("fleet.shade", Severity.INFO, "another")
DRY = Check("paint.dry", Severity.WARNING, "it is wet")
COLOUR_FACT: Fact[str] = Fact("colour", COLOUR, lambda answer: answer.stdout)


def vote(wall: str, facts: Facts) -> Iterator[Vote]:
    """Vote with the colour, and with a shade that is the same everywhere."""
    colour = SAME_COLOUR.expect(wall, ("paint",), based_on=(COLOUR_FACT,))
    yield Vote(colour, "the colour", facts[COLOUR_FACT])
    yield Vote(SAME_SHADE.expect(wall, ("paint",)), "the shade", "pale")


VOTER: Checker[str] = Checker(
    section="paint", model=str, checks=(SAME_COLOUR, SAME_SHADE), facts=lambda _: (COLOUR_FACT,), vote=vote
)
HOST_CHECKER: Checker[str] = Checker(
    section="paint",
    model=str,
    checks=(DRY,),
    facts=lambda _: (COLOUR_FACT,),
    evaluate=lambda wall, _: [DRY.expect(wall, ("paint",)).ok()],
)
CHECKERS: tuple[AnyChecker, ...] = (VOTER, HOST_CHECKER)


def host(name: str, section: str = "paint") -> HostSpec:
    file = f"hosts/{name}.yaml"
    return HostSpec(name, (), {section: "wall"}, {(): Place(file, 1), (section,): Place(file, 7)})


def answers_of(**colours: str | None) -> list[HostAnswers]:
    """Build the answers of hosts by name; None: the host failed."""
    return [
        HostAnswers(name, DOWN if colour is None else Answers({COLOUR: Answered(colour)}), 0.5)
        for name, colour in colours.items()
    ]


def run_audit(*hosts: HostSpec, only: tuple[str, ...] = (), **colours: str | None) -> Report:
    return audit(hosts, answers_of(**colours), CHECKERS, select_checks(CHECKERS, only), RUN)


def colour_findings(report: Report) -> dict[str, Finding]:
    return {finding.host: finding for finding in report.findings if finding.check == "fleet.colour"}


def test_each_host_is_compared_with_most_hosts() -> None:
    report = run_audit(host("a"), host("b"), host("c"), a="red", b="red", c="blue")
    assert {name: finding.verdict.value for name, finding in colour_findings(report).items()} == {
        "a": "ok",
        "b": "ok",
        "c": "drift",
    }
    assert [(result.host, result.verdict.value) for result in report.hosts] == [
        ("a", "ok"),
        ("b", "ok"),
        ("c", "drift"),
    ]
    assert exit_code(report) == 1


def test_compared_finding_has_the_place_in_its_hosts_file() -> None:
    report = run_audit(host("a"), host("b"), host("c"), a="red", b="blue", c="red")
    finding = colour_findings(report)["b"]
    assert (finding.subject, finding.observed, finding.expected) == ("wall", "blue", "red")
    assert (finding.source, finding.severity) == ("expected/hosts/b.yaml:7", Severity.CRITICAL)
    assert [basis.fact for basis in finding.based_on] == [COLOUR_FACT]


def test_single_host_is_not_compared() -> None:
    assert not colour_findings(run_audit(host("a"), a="red"))


def test_hosts_without_the_section_do_not_count() -> None:
    assert not colour_findings(run_audit(host("a"), host("b", "other"), a="red", b="blue"))
    assert set(
        colour_findings(run_audit(host("a"), host("b", "other"), host("c"), a="red", b="blue", c="red"))
    ) == {"a", "c"}


def test_failed_host_has_no_compared_finding_but_counts() -> None:
    report = run_audit(host("a"), host("b"), host("c"), host("d"), a="red", b=None, c=None, d=None)
    assert [finding.check for finding in report.findings if finding.host == "b"] == [REACHABLE.id]
    assert colour_findings(report)["a"].message == (
        "3 of 4 hosts did not return the colour, more than the 1 that agree"
    )


def test_host_without_answers_counts_as_interrupted() -> None:
    report = run_audit(host("a"), host("b"), a="red")
    assert colour_findings(report)["a"].message == "only this host returned the colour"
    assert [finding.verdict for finding in report.findings if finding.host == "b"] == [Verdict.UNKNOWN]


def test_answers_of_hosts_outside_the_audit_do_not_count() -> None:
    finding = colour_findings(run_audit(host("b"), host("c"), a="blue", b="red", c="red"))["b"]
    assert finding.message == "2 of 2 hosts agree"


@pytest.mark.parametrize(
    ("only", "selected"),
    [
        (("fleet.colour",), {"fleet.colour"}),
        (("fleet.shade",), {"fleet.shade"}),
        (("paint.*",), {"paint.dry"}),
        ((), {"fleet.colour", "fleet.shade", "paint.dry"}),
    ],
)
def test_only_selected_checks_are_reported(only: tuple[str, ...], selected: set[str]) -> None:
    findings = run_audit(host("a"), host("b"), only=only, a="red", b="red").findings
    assert {finding.check for finding in findings} == {REACHABLE.id, *selected}


def test_compared_findings_are_sorted_among_those_of_their_host() -> None:
    findings = run_audit(host("b"), host("a"), a="red", b="red").findings
    checks = ["fleet.colour", "fleet.shade", "host.reachable", "paint.dry"]
    assert [(finding.host, finding.check) for finding in findings] == [
        (name, check) for name in "ab" for check in checks
    ]


def test_probe_of_several_checkers_is_in_the_plan_once() -> None:
    assert plan(host("a"), CHECKERS, select_checks(CHECKERS)) == (COLOUR,)
    assert plan(host("a", "other"), CHECKERS, select_checks(CHECKERS)) == ()


def test_vote_that_raises_is_unknown_on_audited_hosts() -> None:
    def broken(_: str, __: Facts) -> Iterator[Vote]:
        raise ZeroDivisionError

    checker = replace(VOTER, vote=broken)
    hosts = [host("a"), host("b"), host("c")]
    report = audit(hosts, answers_of(a="red", b="red", c=None), [checker], select_checks([checker]), RUN)
    assert [(finding.host, finding.verdict) for finding in report.findings if finding.check == "fleet.colour"] == [
        ("a", Verdict.UNKNOWN),
        ("b", Verdict.UNKNOWN),
    ]
    assert {error.host for error in report.errors} == {"a", "b", "c"}
    assert exit_code(report) == 70
