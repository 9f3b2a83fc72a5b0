"""Fleet checkers: which hosts `audit` passes to them, and what it does with their results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from olaudit.audit import audit, exit_code, plan, select_checks
from olaudit.checker import AnyChecker, Check, Checker, FleetChecker
from olaudit.evaluate import REACHABLE
from olaudit.expected.spec import HostSpec, Place
from olaudit.model import (
    Answered,
    Answers,
    Command,
    Expectation,
    Failure,
    FailureReason,
    Finding,
    HostAnswers,
    Report,
    Result,
    Severity,
    Verdict,
)
from tests.values import RUN

COLOUR = Command(("cat", "/etc/colour"))
DOWN = Failure(FailureReason.TIMEOUT, "no answer")


def compare_colours(
    specs: Mapping[str, str], outcomes: Mapping[str, Answers | Failure]
) -> Iterator[tuple[str, Result]]:
    """Expect the colour of the first host that answered; an ok result counts the hosts that answered."""
    colours = {
        host: answer.stdout
        for host, outcome in outcomes.items()
        if isinstance(outcome, Answers) and isinstance(answer := outcome[COLOUR], Answered)
    }
    first = next(iter(colours.values()), "")
    for host, spec in specs.items():
        expectation = Expectation(check="fleet.colour", subject=spec, at=("paint",), expected=first)
        if host not in colours:
            yield host, expectation.unknown("no colour")
        elif colours[host] == first:
            yield host, expectation.ok(f"{len(colours)} of {len(specs)}")
        else:
            yield host, expectation.drift(colours[host], f"it is {colours[host]}")
        yield host, Expectation(check="fleet.shade", subject=spec, at=("paint",)).ok()


FLEET_CHECKER: FleetChecker[str] = FleetChecker(
    section="paint",
    model=str,
    checks=(Check("fleet.colour", Severity.CRITICAL, "another"), Check("fleet.shade", Severity.INFO, "another")),
    probes=lambda _: (COLOUR,),
    evaluate=compare_colours,
)
HOST_CHECKER: Checker[str] = Checker(
    section="paint",
    model=str,
    checks=(Check("paint.dry", Severity.WARNING, "it is wet"),),
    probes=lambda _: (COLOUR,),
    evaluate=lambda spec, _: [Expectation(check="paint.dry", subject=spec, at=("paint",)).ok()],
)
CHECKERS: tuple[AnyChecker, ...] = (FLEET_CHECKER, HOST_CHECKER)


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


def test_fleet_checker_evaluates_the_answers_of_all_hosts() -> None:
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


def test_fleet_finding_has_the_place_in_its_hosts_file() -> None:
    finding = colour_findings(run_audit(host("a"), host("b"), a="red", b="blue"))["b"]
    assert (finding.subject, finding.observed, finding.expected) == ("wall", "blue", "red")
    assert (finding.source, finding.severity) == ("expected/hosts/b.yaml:7", Severity.CRITICAL)


def test_single_host_is_not_evaluated() -> None:
    assert not colour_findings(run_audit(host("a"), a="red"))


def test_hosts_without_the_section_do_not_count() -> None:
    assert not colour_findings(run_audit(host("a"), host("b", "other"), a="red", b="blue"))
    assert set(
        colour_findings(run_audit(host("a"), host("b", "other"), host("c"), a="red", b="blue", c="red"))
    ) == {"a", "c"}


def test_failed_host_has_no_fleet_finding_but_is_counted() -> None:
    report = run_audit(host("a"), host("b"), host("c"), a="red", b=None, c="red")
    assert [finding.check for finding in report.findings if finding.host == "b"] == [REACHABLE.id]
    assert colour_findings(report)["a"].observed == "2 of 3"


def test_host_without_answers_is_counted_as_interrupted() -> None:
    report = run_audit(host("a"), host("b"), a="red")
    assert colour_findings(report)["a"].observed == "1 of 2"
    assert [finding.verdict for finding in report.findings if finding.host == "b"] == [Verdict.UNKNOWN]


def test_answers_of_hosts_outside_the_audit_do_not_count() -> None:
    assert colour_findings(run_audit(host("b"), host("c"), a="blue", b="red", c="red"))["b"].observed == "2 of 2"


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


def test_fleet_findings_are_sorted_among_those_of_their_host() -> None:
    findings = run_audit(host("b"), host("a"), a="red", b="red").findings
    checks = ["fleet.colour", "fleet.shade", "host.reachable", "paint.dry"]
    assert [(finding.host, finding.check) for finding in findings] == [
        (name, check) for name in "ab" for check in checks
    ]


def test_probe_of_a_fleet_checker_is_in_the_plan_once() -> None:
    assert plan(host("a"), CHECKERS, select_checks(CHECKERS)) == (COLOUR,)
    assert plan(host("a", "other"), CHECKERS, select_checks(CHECKERS)) == ()


def test_fleet_checker_that_raises_is_unknown_on_audited_hosts() -> None:
    checker: FleetChecker[str] = FleetChecker(
        section="paint", model=str, checks=HOST_CHECKER.checks, probes=lambda _: (), evaluate=compare_colours
    )
    hosts = [host("a"), host("b"), host("c")]
    answers = answers_of(a="red", b="red", c=None)
    report = audit(hosts, answers, [checker], select_checks([checker]), RUN)
    (check_id,) = (check.id for check in HOST_CHECKER.checks)
    assert [(finding.host, finding.verdict) for finding in report.findings if finding.check == check_id] == [
        ("a", Verdict.UNKNOWN),
        ("b", Verdict.UNKNOWN),
    ]
    assert {error.host for error in report.errors} == {"(fleet)"}
    assert exit_code(report) == 70
