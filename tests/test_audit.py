from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.audit import audit, exit_code, plan, select_checks, worst_verdict
from olaudit.checker import Check, Checker
from olaudit.errors import UsageError
from olaudit.expected.spec import HostSpec, Place
from olaudit.model import (
    Answered,
    Answers,
    Command,
    EngineQuery,
    Expectation,
    Failure,
    FailureReason,
    Finding,
    HostAnswers,
    Measurement,
    Result,
    Severity,
    Verdict,
)
from olaudit.text import MAX_LENGTH, visible
from tests import values
from tests.values import RUN

UNAME, CAT = Command(("uname",)), Command(("cat", "/etc/x"))


def kernel(subject: str, answers: Answers) -> list[Result]:
    """Expect the kernel that `uname` names."""
    question = Expectation(check="kernel.name", subject=subject, at=("kernel",), expected="Linux")
    match answers[UNAME]:
        case Answered(stdout=said):
            return [question.ok(said) if said == "Linux" else question.drift(said, f"it is {said}", f"fix {said}")]
        case _:
            return [
                question.unknown("no uname"),
                Expectation(check="kernel.age", subject=subject, at=()).unknown("no"),
            ]


KERNEL: Checker[str] = Checker(
    section="kernel",
    model=str,
    ids=(Check("kernel.name", Severity.WARNING, "another"), Check("kernel.age", Severity.INFO, "older")),
    probes=lambda _: (UNAME, EngineQuery.VERSION, UNAME),
    evaluate=kernel,
)
FILE: Checker[str] = Checker(
    section="file",
    model=str,
    ids=(Check("file.text", Severity.CRITICAL, "it differs"),),
    probes=lambda _: (CAT, UNAME),
    evaluate=lambda _, __: [],
)
CHECKERS = (KERNEL, FILE)
ALL = select_checks(CHECKERS)


def host(name: str = "ol-web1", **sections: str) -> HostSpec:
    file = f"hosts/{name}.yaml"
    return HostSpec(name, (), sections or {"kernel": "k"}, {(): Place(file, 1), ("kernel",): Place(file, 7)})


def said(uname: str, name: str = "ol-web1") -> HostAnswers:
    return HostAnswers(name, Answers({UNAME: Answered(uname)}), 0.5)


def judged(uname: str) -> Finding:
    report = audit([host()], [said(uname)], CHECKERS, ALL, RUN)
    return next(found for found in report.findings if found.check == "kernel.name")


# --- planning --------------------------------------------------------------------------------------------------


def test_a_plan_asks_each_probe_once_in_the_order_of_the_kinds() -> None:
    assert plan(host(kernel="k", file="f"), CHECKERS, ALL) == (UNAME, EngineQuery.VERSION, CAT)


def test_a_plan_asks_nothing_for_sections_a_host_does_not_have() -> None:
    assert plan(host(file="f"), CHECKERS, ALL) == (CAT, UNAME)


def test_a_plan_asks_nothing_for_kinds_of_which_no_check_is_wanted() -> None:
    assert plan(host(kernel="k", file="f"), CHECKERS, select_checks(CHECKERS, ["file.*"])) == (CAT, UNAME)


# --- choosing checks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("only", "skip", "left"),
    [
        ([], [], {"kernel.name", "kernel.age", "file.text"}),
        (["kernel.*"], [], {"kernel.name", "kernel.age"}),
        (["kernel.*", "file.text"], ["*.age"], {"kernel.name", "file.text"}),
        ([], ["*"], set()),
        (["host.*"], [], set()),
    ],
)
def test_globs_choose_checks_and_never_lose_host_reachable(
    only: list[str], skip: list[str], left: set[str]
) -> None:
    assert select_checks(CHECKERS, only, skip) == left | {"host.reachable"}


@pytest.mark.parametrize(
    ("glob", "hint"),
    [
        ("kernel.nam", 'did you mean "kernel.name"?'),
        ("kernel", 'did you mean "kernel.*"?'),
        ("kernle.*", 'did you mean "kernel.*"?'),
        ("zzz", "the kinds of checks are file.*, host.*, kernel.*"),
    ],
)
def test_a_glob_that_matches_nothing_is_refused_with_a_suggestion(glob: str, hint: str) -> None:
    both: list[tuple[list[str], list[str]]] = [([glob], []), ([], [glob])]
    for arguments in both:
        with pytest.raises(UsageError, match="no check is called") as refused:
            select_checks(CHECKERS, *arguments)
        assert refused.value.hint == hint


def test_host_reachable_cannot_be_skipped() -> None:
    with pytest.raises(UsageError, match=r"^host\.reachable cannot be skipped$"):
        select_checks(CHECKERS, [], ["host.reachable"])


# --- judging ---------------------------------------------------------------------------------------------------


def test_a_reached_host_is_reported_as_reachable() -> None:
    report = audit([host()], [said("Linux")], CHECKERS, ALL, RUN)
    assert [(found.check, found.subject, found.verdict) for found in report.findings] == [
        ("host.reachable", "host", Verdict.OK),
        ("kernel.name", "k", Verdict.OK),
    ]
    assert report.hosts[0].verdict is Verdict.OK
    assert report.hosts[0].failure is None
    assert exit_code(report) == 0


def test_a_failed_host_is_one_unknown_finding_and_nothing_else() -> None:
    failure = Failure(FailureReason.DNS, "no such name\x1b[2J")
    report = audit([host()], [HostAnswers("ol-web1", failure, 2.0)], CHECKERS, ALL, RUN)
    (found,) = report.findings
    assert (found.check, found.subject, found.verdict) == ("host.reachable", "host", Verdict.UNKNOWN)
    assert (found.severity, found.source, found.fix) == (Severity.CRITICAL, "expected/hosts/ol-web1.yaml:1", None)
    assert found.message == "no such name\\x1b[2J"
    assert report.hosts[0].failure == Failure(FailureReason.DNS, "no such name\\x1b[2J")
    assert report.hosts[0].verdict is Verdict.UNKNOWN
    assert report.hosts[0].duration_seconds == 2.0
    assert report.unreachable == 1
    assert exit_code(report) == 3


def test_a_host_without_an_answer_is_reported_as_interrupted() -> None:
    report = audit([host()], [], CHECKERS, ALL, RUN)
    assert report.hosts[0].failure
    assert report.hosts[0].failure.reason is FailureReason.INTERRUPTED
    assert exit_code(report) == 3


def test_answers_of_hosts_nobody_asked_for_are_left_out() -> None:
    report = audit([host()], [said("Linux"), said("Linux", "ol-web2")], CHECKERS, ALL, RUN)
    assert [result.host for result in report.hosts] == ["ol-web1"]


def test_findings_are_sorted_by_host_check_and_subject() -> None:
    report = audit([host("b"), host("a")], [said("x", "b"), said("x", "a")], CHECKERS, ALL, RUN)
    assert [(found.host, found.check) for found in report.findings] == [
        ("a", "host.reachable"),
        ("a", "kernel.name"),
        ("b", "host.reachable"),
        ("b", "kernel.name"),
    ]
    assert [result.host for result in report.hosts] == ["a", "b"]


def test_checks_that_are_not_wanted_are_not_reported() -> None:
    report = audit(
        [host()], [HostAnswers("ol-web1", Answers({}), 0)], CHECKERS, select_checks(CHECKERS, ["kernel.age"]), RUN
    )
    assert [found.check for found in report.findings] == ["host.reachable", "kernel.age"]


@pytest.mark.parametrize(("given_", "taken"), [(None, Severity.CRITICAL), (Severity.INFO, Severity.INFO)])
def test_a_finding_takes_its_severity_from_the_check_unless_the_expected_file_says_otherwise(
    given_: Severity | None, taken: Severity
) -> None:
    question = Expectation(check="file.text", subject="f", at=(), severity=given_)
    checker: Checker[str] = Checker(
        section="file",
        model=str,
        ids=FILE.ids,
        probes=lambda _: (),
        evaluate=lambda _, __: [question.drift("x", "y")],
    )
    report = audit([host(file="f")], [said("")], [checker], select_checks([checker]), RUN)
    assert report.findings[0].severity is taken


def test_a_finding_names_the_place_of_its_expectation() -> None:
    assert judged("Minix").source == "expected/hosts/ol-web1.yaml:7"


def broken(after: int) -> Checker[str]:
    """Make a kind of check that raises after `after` judgements."""

    def evaluate(subject: str, answers: Answers) -> Iterator[Result]:
        yield from kernel(subject, answers)[:after]
        raise RecursionError

    return Checker(section="kernel", model=str, ids=KERNEL.ids, probes=lambda _: (), evaluate=evaluate)


@pytest.mark.parametrize("after", [0, 1])
def test_a_check_that_raises_is_unknown_and_costs_no_other(after: int) -> None:
    """Neither the other checks of the host nor the other hosts are lost, and the run ends with 70."""
    hosts = [host(kernel="k", file="f"), host("ol-web2", file="f")]
    checkers = [
        broken(after),
        replace(FILE, evaluate=lambda _, __: [Expectation(check="file.text", subject="f", at=()).ok()]),
    ]
    report = audit(hosts, [said("Linux"), said("Linux", "ol-web2")], checkers, ALL, RUN)
    found = {(one.host, one.check, one.subject): one.verdict for one in report.findings}
    assert found[("ol-web1", "kernel.name", "kernel")] is Verdict.UNKNOWN
    assert found[("ol-web1", "kernel.age", "kernel")] is Verdict.UNKNOWN
    assert found[("ol-web1", "file.text", "f")] is Verdict.OK
    assert found[("ol-web2", "file.text", "f")] is Verdict.OK
    message = next(one.message for one in report.findings if one.check == "kernel.age")
    assert message == "internal error in olaudit while kernel was evaluated: RecursionError"
    first = report.errors[0]
    assert (first.host, first.activity) == ("ol-web1", "evaluating kernel")
    assert first.traceback.endswith("RecursionError\n")
    assert exit_code(report) == 70


def test_a_judgement_of_an_unlisted_id_is_an_internal_error() -> None:
    liar: Checker[str] = Checker(section="kernel", model=str, ids=FILE.ids, probes=lambda _: (), evaluate=kernel)
    report = audit([host()], [said("Linux")], [liar], select_checks([liar]), RUN)
    assert [(one.check, one.verdict) for one in report.findings][:1] == [("file.text", Verdict.UNKNOWN)]
    assert "KeyError" in report.errors[0].traceback


def test_a_measure_that_raises_is_an_internal_error_and_loses_no_finding() -> None:
    def measure(_: str, __: Answers) -> list[Measurement]:
        raise ZeroDivisionError

    report = audit([host()], [said("Linux")], [replace(KERNEL, measure=measure)], ALL, RUN)
    assert report.findings[1].verdict is Verdict.OK
    assert report.errors[0].activity == "measuring kernel"


# --- verdicts --------------------------------------------------------------------------------------------------


def drift(severity: Severity) -> Finding:
    return values.finding(severity=severity)


def unknown(severity: Severity) -> Finding:
    return values.finding(verdict=Verdict.UNKNOWN, severity=severity)


OK, WAIVED = values.finding(verdict=Verdict.OK), values.finding(verdict=Verdict.WAIVED)
INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL


@pytest.mark.parametrize(
    ("findings", "verdict", "code"),
    [
        ([], Verdict.OK, 0),
        ([OK], Verdict.OK, 0),
        ([OK, unknown(WARNING)], Verdict.UNKNOWN, 3),
        ([unknown(WARNING), drift(WARNING)], Verdict.DRIFT, 1),
        ([WAIVED], Verdict.OK, 0),
        ([drift(INFO)], Verdict.OK, 0),
        ([unknown(INFO)], Verdict.OK, 0),
        ([drift(INFO), unknown(WARNING)], Verdict.UNKNOWN, 3),
        ([drift(CRITICAL)], Verdict.DRIFT, 1),
    ],
)
def test_drift_outweighs_unknown_outweighs_ok_and_info_has_no_say(
    findings: list[Finding], verdict: Verdict, code: int
) -> None:
    assert worst_verdict(findings) is verdict
    assert exit_code(values.report(findings)) == code


# --- hostile hosts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31m", r"\x1b[31m"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x00\x7f\x9b", r"\x00\x7f\x9b"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("no\u00a0break", r"no\xa0break"),
        ("lone \ud800", r"lone \ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("żółć 漢字 and 'quotes'", "żółć 漢字 and 'quotes'"),
    ],
)
def test_what_does_not_print_is_made_visible(hostile: str, shown: str) -> None:
    assert visible(hostile) == shown
    assert judged(hostile).observed == shown


@given(st.text(st.characters()))
def test_nothing_a_host_says_reaches_a_report_unprintable(text: str) -> None:
    finding = judged(text)
    for part in (finding.observed, finding.message, finding.fix or ""):
        assert part.isprintable()
        part.encode()


def test_what_a_host_says_is_bounded() -> None:
    finding = judged("A" * (MAX_LENGTH + 583))
    assert finding.observed == "A" * MAX_LENGTH + "... (583 more)"
    assert finding.fix is None


def test_what_looks_like_a_secret_reaches_no_report() -> None:
    finding = judged("requirepass=hunter2secret")
    assert "hunter2secret" not in finding.observed + finding.message
    assert "[redacted]" in finding.observed
    assert finding.fix is None
    failure = Failure(FailureReason.SSH, "the banner said password=hunter2secret")
    report = audit([host()], [HostAnswers("ol-web1", failure, 2.0)], CHECKERS, ALL, RUN)
    assert "hunter2secret" not in str(report)


def test_a_fix_that_would_have_to_be_altered_is_left_out() -> None:
    assert judged("Minix").fix == "fix Minix"
    assert judged("Minix\x1b[2J").fix is None


def test_a_host_s_subjects_are_what_the_expected_files_name_and_never_its_own_words() -> None:
    def names(expected: str, answers: Answers) -> list[Result]:
        match answers[UNAME]:
            case Answered(stdout=found):
                return [Expectation(check="kernel.name", subject=found, at=()).ok()]
            case _:
                return [Expectation(check="kernel.name", subject=expected, at=()).unknown("no uname")]

    checker = replace(KERNEL, evaluate=names)
    report = audit([host(kernel="Linux")], [said("evil")], [checker], ALL, RUN)
    assert {finding.subject for finding in report.findings} == {"host", "evil"}
    assert report.hosts[0].subjects == {"host", "Linux"}
