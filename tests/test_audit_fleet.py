"""Kinds that are judged over all hosts' answers, as `audit` calls them and what it makes of their judgements."""

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


def same(specs: Mapping[str, str], outcomes: Mapping[str, Answers | Failure]) -> Iterator[tuple[str, Result]]:
    """Expect all hosts to have the colour of the first one that answered, and say how many did."""
    colours = {
        host: answer.stdout
        for host, outcome in outcomes.items()
        if isinstance(outcome, Answers) and isinstance(answer := outcome[COLOUR], Answered)
    }
    first = next(iter(colours.values()), "")
    for host, spec in specs.items():
        question = Expectation(check="fleet.colour", subject=spec, at=("paint",), expected=first)
        if host not in colours:
            yield host, question.unknown("not told")
        elif colours[host] == first:
            yield host, question.ok(f"{len(colours)} of {len(specs)}")
        else:
            yield host, question.drift(colours[host], f"it is {colours[host]}")
        yield host, Expectation(check="fleet.shade", subject=spec, at=("paint",)).ok()


FLEET: FleetChecker[str] = FleetChecker(
    section="paint",
    model=str,
    ids=(Check("fleet.colour", Severity.CRITICAL, "another"), Check("fleet.shade", Severity.INFO, "another")),
    probes=lambda _: (COLOUR,),
    evaluate=same,
)
ALONE: Checker[str] = Checker(
    section="paint",
    model=str,
    ids=(Check("paint.dry", Severity.WARNING, "it is wet"),),
    probes=lambda _: (COLOUR,),
    evaluate=lambda spec, _: [Expectation(check="paint.dry", subject=spec, at=("paint",)).ok()],
)
CHECKERS: tuple[AnyChecker, ...] = (FLEET, ALONE)


def host(name: str, section: str = "paint") -> HostSpec:
    file = f"hosts/{name}.yaml"
    return HostSpec(name, (), {section: "wall"}, {(): Place(file, 1), (section,): Place(file, 7)})


def said(**colours: str | None) -> list[HostAnswers]:
    """Answer for hosts by name; None: not reached."""
    return [
        HostAnswers(name, DOWN if colour is None else Answers({COLOUR: Answered(colour)}), 0.5)
        for name, colour in colours.items()
    ]


def report(*hosts: HostSpec, only: tuple[str, ...] = (), **colours: str | None) -> Report:
    return audit(hosts, said(**colours), CHECKERS, select_checks(CHECKERS, only), RUN)


def colours(made: Report) -> dict[str, Finding]:
    return {found.host: found for found in made.findings if found.check == "fleet.colour"}


def test_hosts_are_judged_by_what_all_of_them_answered() -> None:
    made = report(host("a"), host("b"), host("c"), a="red", b="red", c="blue")
    assert {name: found.verdict.value for name, found in colours(made).items()} == {
        "a": "ok",
        "b": "ok",
        "c": "drift",
    }
    assert [(result.host, result.verdict.value) for result in made.hosts] == [
        ("a", "ok"),
        ("b", "ok"),
        ("c", "drift"),
    ]
    assert exit_code(made) == 1


def test_a_finding_is_about_its_host_with_the_place_in_that_hosts_file_and_the_checks_severity() -> None:
    found = colours(report(host("a"), host("b"), a="red", b="blue"))["b"]
    assert (found.subject, found.observed, found.expected) == ("wall", "blue", "red")
    assert (found.source, found.severity) == ("expected/hosts/b.yaml:7", Severity.CRITICAL)


def test_a_single_host_has_nobody_to_agree_with_and_is_not_judged() -> None:
    assert not colours(report(host("a"), a="red"))


def test_hosts_that_do_not_have_the_section_do_not_count() -> None:
    assert not colours(report(host("a"), host("b", "other"), a="red", b="blue"))
    assert set(colours(report(host("a"), host("b", "other"), host("c"), a="red", b="blue", c="red"))) == {"a", "c"}


def test_a_host_that_could_not_be_audited_has_no_finding_of_the_fleet_but_is_counted() -> None:
    made = report(host("a"), host("b"), host("c"), a="red", b=None, c="red")
    assert [found.check for found in made.findings if found.host == "b"] == [REACHABLE.id]
    assert colours(made)["a"].observed == "2 of 3"


def test_a_host_that_never_answered_is_counted_as_one_that_was_interrupted() -> None:
    made = report(host("a"), host("b"), a="red")
    assert colours(made)["a"].observed == "1 of 2"
    assert [found.verdict for found in made.findings if found.host == "b"] == [Verdict.UNKNOWN]


def test_an_answer_of_a_host_nobody_asked_for_does_not_count() -> None:
    assert colours(report(host("b"), host("c"), a="blue", b="red", c="red"))["b"].observed == "2 of 2"


@pytest.mark.parametrize(
    ("only", "made"),
    [
        (("fleet.colour",), {"fleet.colour"}),
        (("fleet.shade",), {"fleet.shade"}),
        (("paint.*",), {"paint.dry"}),
        ((), {"fleet.colour", "fleet.shade", "paint.dry"}),
    ],
)
def test_only_wanted_checks_are_made(only: tuple[str, ...], made: set[str]) -> None:
    findings = report(host("a"), host("b"), only=only, a="red", b="red").findings
    assert {found.check for found in findings} == {REACHABLE.id, *made}


def test_findings_of_the_fleet_are_sorted_among_those_of_their_host() -> None:
    findings = report(host("b"), host("a"), a="red", b="red").findings
    checks = ["fleet.colour", "fleet.shade", "host.reachable", "paint.dry"]
    assert [(found.host, found.check) for found in findings] == [
        (name, check) for name in "ab" for check in checks
    ]


def test_what_a_kind_of_the_fleet_asks_is_asked_once_with_all_else() -> None:
    assert plan(host("a"), CHECKERS, select_checks(CHECKERS)) == (COLOUR,)
    assert plan(host("a", "other"), CHECKERS, select_checks(CHECKERS)) == ()


def test_a_fleet_check_that_raises_is_unknown_on_each_audited_host() -> None:
    liar: FleetChecker[str] = FleetChecker(
        section="paint", model=str, ids=ALONE.ids, probes=lambda _: (), evaluate=same
    )
    hosts = [host("a"), host("b"), host("c")]
    report = audit(hosts, said(a="red", b="red", c=None), [liar], select_checks([liar]), RUN)
    (check,) = (one.id for one in ALONE.ids)
    assert [(one.host, one.verdict) for one in report.findings if one.check == check] == [
        ("a", Verdict.UNKNOWN),
        ("b", Verdict.UNKNOWN),
    ]
    assert {one.host for one in report.errors} == {"(fleet)"}
    assert exit_code(report) == 70
