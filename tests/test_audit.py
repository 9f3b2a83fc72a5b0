from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.audit import FleetAuditor, audit, exit_code, plan, select_checks, worst_verdict
from olaudit.checker import Checker
from olaudit.errors import UsageError
from olaudit.expected.spec import HostSpec, Place
from olaudit.model import (
    Answered,
    Answers,
    Check,
    Command,
    EngineVersion,
    Fact,
    Facts,
    Failure,
    FailureReason,
    Finding,
    HostAnswers,
    Measurement,
    Result,
    Severity,
    Unanswered,
    Unknown,
    Verdict,
)
from olaudit.text import MAX_LENGTH, visible
from tests import values
from tests.values import RUN

UNAME, CAT = Command(("uname",)), Command(("cat", "/etc/x"))


NAME = Check("kernel.name", Severity.WARNING, "another")
AGE = Check("kernel.age", Severity.INFO, "older")
TEXT = Check("file.text", Severity.CRITICAL, "it differs")
UNAME_OUTPUT: Fact[str] = Fact("kernel", UNAME, lambda answer: answer.stdout)
ENGINE: Fact[str] = Fact("engine", EngineVersion(), lambda answer: answer.stdout)
FILE_TEXT: Fact[str] = Fact("file", CAT, lambda answer: answer.stdout)


def kernel(subject: str, facts: Facts) -> list[Result]:
    """Expect that `uname` prints Linux."""
    expectation = NAME.expect(subject, ("kernel",), "Linux", based_on=(UNAME_OUTPUT,))
    match facts[UNAME_OUTPUT]:
        case "Linux" as name:
            return [expectation.ok(name)]
        case str(name):
            return [expectation.drift(name, f"it is {name}", f"fix {name}")]
        case _:
            return [expectation.unknown("no uname"), AGE.expect(subject, ()).unknown("no")]


KERNEL: Checker[str] = Checker(
    section="kernel",
    model=str,
    checks=(NAME, AGE),
    facts=lambda _: (UNAME_OUTPUT, ENGINE, UNAME_OUTPUT),
    evaluate=kernel,
)
FILE: Checker[str] = Checker(section="file", model=str, checks=(TEXT,), facts=lambda _: (FILE_TEXT, UNAME_OUTPUT))
CHECKERS = (KERNEL, FILE)
ALL = select_checks(CHECKERS)


def host(name: str = "ol-web1", **sections: str) -> HostSpec:
    file = f"hosts/{name}.yaml"
    return HostSpec(name, (), sections or {"kernel": "k"}, {(): Place(file, 1), ("kernel",): Place(file, 7)})


def answers_of(uname: str, name: str = "ol-web1") -> HostAnswers:
    return HostAnswers(name, Answers({UNAME: Answered(uname)}), 0.5)


def kernel_finding(uname: str) -> Finding:
    """Audit a host whose `uname` prints `uname`."""
    report = audit([host()], [answers_of(uname)], CHECKERS, ALL, RUN)
    return next(finding for finding in report.findings if finding.check == "kernel.name")


# --- planning ----------------------------------------------------------------------------------------------------


def test_plan_has_each_probe_once_in_the_order_of_checkers() -> None:
    assert plan(host(kernel="k", file="f"), CHECKERS, ALL) == (UNAME, EngineVersion(), CAT)


def test_plan_has_no_probes_for_sections_a_host_lacks() -> None:
    assert plan(host(file="f"), CHECKERS, ALL) == (CAT, UNAME)


def test_plan_has_no_probes_for_checkers_without_selected_check() -> None:
    assert plan(host(kernel="k", file="f"), CHECKERS, select_checks(CHECKERS, ["file.*"])) == (CAT, UNAME)


# --- selecting checks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("only", "skip", "selected"),
    [
        ([], [], {"kernel.name", "kernel.age", "file.text"}),
        (["kernel.*"], [], {"kernel.name", "kernel.age"}),
        (["kernel.*", "file.text"], ["*.age"], {"kernel.name", "file.text"}),
        ([], ["*"], set()),
        (["host.*"], [], set()),
    ],
)
def test_globs_select_checks_and_always_host_reachable(
    only: list[str], skip: list[str], selected: set[str]
) -> None:
    assert select_checks(CHECKERS, only, skip) == selected | {"host.reachable"}


@pytest.mark.parametrize(
    ("glob", "hint"),
    [
        ("kernel.nam", 'did you mean "kernel.name"?'),
        ("kernel", 'did you mean "kernel.*"?'),
        ("kernle.*", 'did you mean "kernel.*"?'),
        ("zzz", "available checks: file.*, host.*, kernel.*"),
    ],
)
def test_glob_that_matches_no_check_is_refused_with_a_hint(glob: str, hint: str) -> None:
    only_then_skip: list[tuple[list[str], list[str]]] = [([glob], []), ([], [glob])]
    for arguments in only_then_skip:
        with pytest.raises(UsageError, match="no check id matches") as refused:
            select_checks(CHECKERS, *arguments)
        assert refused.value.hint == hint


def test_host_reachable_cannot_be_skipped() -> None:
    with pytest.raises(UsageError, match=r"^host\.reachable cannot be skipped$"):
        select_checks(CHECKERS, [], ["host.reachable"])


# --- evaluation --------------------------------------------------------------------------------------------------


def test_audited_host_is_reported_as_reachable() -> None:
    report = audit([host()], [answers_of("Linux")], CHECKERS, ALL, RUN)
    assert [(finding.check, finding.subject, finding.verdict) for finding in report.findings] == [
        ("host.reachable", "host", Verdict.OK),
        ("kernel.name", "k", Verdict.OK),
    ]
    assert report.hosts[0].verdict is Verdict.OK
    assert report.hosts[0].failure is None
    assert exit_code(report) == 0


def test_failed_host_has_one_unknown_finding() -> None:
    failure = Failure(FailureReason.DNS, "no such name\x1b[2J")
    report = audit([host()], [HostAnswers("ol-web1", failure, 2.0)], CHECKERS, ALL, RUN)
    (finding,) = report.findings
    assert (finding.check, finding.subject, finding.verdict) == ("host.reachable", "host", Verdict.UNKNOWN)
    assert (finding.severity, finding.fix) == (Severity.CRITICAL, None)
    assert finding.source == "expected/hosts/ol-web1.yaml:1"
    assert finding.message == "no such name\\x1b[2J"
    assert report.hosts[0].failure == Failure(FailureReason.DNS, "no such name\\x1b[2J")
    assert report.hosts[0].verdict is Verdict.UNKNOWN
    assert report.hosts[0].duration_seconds == 2.0
    assert report.unreachable == 1
    assert exit_code(report) == 3


def test_host_without_answers_is_reported_as_interrupted() -> None:
    report = audit([host()], [], CHECKERS, ALL, RUN)
    assert report.hosts[0].failure
    assert report.hosts[0].failure.reason is FailureReason.INTERRUPTED
    assert exit_code(report) == 3


def test_answers_of_hosts_outside_the_audit_are_ignored() -> None:
    report = audit([host()], [answers_of("Linux"), answers_of("Linux", "ol-web2")], CHECKERS, ALL, RUN)
    assert [result.host for result in report.hosts] == ["ol-web1"]


def test_findings_are_sorted_by_host_check_and_subject() -> None:
    report = audit([host("b"), host("a")], [answers_of("x", "b"), answers_of("x", "a")], CHECKERS, ALL, RUN)
    assert [(finding.host, finding.check) for finding in report.findings] == [
        ("a", "host.reachable"),
        ("a", "kernel.name"),
        ("b", "host.reachable"),
        ("b", "kernel.name"),
    ]
    assert [result.host for result in report.hosts] == ["a", "b"]


def test_checks_that_are_not_selected_are_not_reported() -> None:
    report = audit(
        [host()], [HostAnswers("ol-web1", Answers({}), 0)], CHECKERS, select_checks(CHECKERS, ["kernel.age"]), RUN
    )
    assert [finding.check for finding in report.findings] == ["host.reachable", "kernel.age"]


@pytest.mark.parametrize(("override", "severity"), [(None, Severity.CRITICAL), (Severity.INFO, Severity.INFO)])
def test_expected_file_can_override_the_severity_of_a_check(override: Severity | None, severity: Severity) -> None:
    expectation = TEXT.expect("f", (), severity=override)
    checker: Checker[str] = Checker(
        section="file",
        model=str,
        checks=FILE.checks,
        facts=lambda _: (),
        evaluate=lambda _, __: [expectation.drift("x", "y")],
    )
    report = audit([host(file="f")], [answers_of("")], [checker], select_checks([checker]), RUN)
    assert report.findings[0].severity is severity


def test_finding_names_the_place_of_its_expectation() -> None:
    assert kernel_finding("Minix").source == "expected/hosts/ol-web1.yaml:7"


def broken_checker(after: int) -> Checker[str]:
    """Build a checker that raises after `after` results."""

    def evaluate(subject: str, facts: Facts) -> Iterator[Result]:
        yield from kernel(subject, facts)[:after]
        raise RecursionError

    return Checker(section="kernel", model=str, checks=KERNEL.checks, facts=lambda _: (), evaluate=evaluate)


@pytest.mark.parametrize("after", [0, 1])
def test_checker_that_raises_is_unknown_and_affects_no_other(after: int) -> None:
    """Other checks of the host and other hosts are evaluated, and the exit code is 70."""
    hosts = [host(kernel="k", file="f"), host("ol-web2", file="f")]
    checkers = [
        broken_checker(after),
        replace(FILE, evaluate=lambda _, __: [TEXT.expect("f", ()).ok()]),
    ]
    report = audit(hosts, [answers_of("Linux"), answers_of("Linux", "ol-web2")], checkers, ALL, RUN)
    verdicts = {(finding.host, finding.check, finding.subject): finding.verdict for finding in report.findings}
    assert verdicts[("ol-web1", "kernel.name", "kernel")] is Verdict.UNKNOWN
    assert verdicts[("ol-web1", "kernel.age", "kernel")] is Verdict.UNKNOWN
    assert verdicts[("ol-web1", "file.text", "f")] is Verdict.OK
    assert verdicts[("ol-web2", "file.text", "f")] is Verdict.OK
    message = next(finding.message for finding in report.findings if finding.check == "kernel.age")
    assert message == "internal error in olaudit while kernel was evaluated: RecursionError"
    first = report.errors[0]
    assert (first.host, first.activity) == ("ol-web1", "evaluating kernel")
    assert first.traceback.endswith("RecursionError\n")
    assert exit_code(report) == 70


def test_result_with_an_undeclared_check_id_is_an_internal_error() -> None:
    checker: Checker[str] = Checker(
        section="kernel", model=str, checks=FILE.checks, facts=lambda _: (), evaluate=kernel
    )
    report = audit([host()], [answers_of("Linux")], [checker], select_checks([checker]), RUN)
    assert [(finding.check, finding.verdict) for finding in report.findings][:1] == [
        ("file.text", Verdict.UNKNOWN)
    ]
    assert "UndeclaredCheckError: kernel.name" in report.errors[0].traceback


def test_measure_that_raises_is_an_internal_error() -> None:
    def measure(_: str, __: Facts) -> list[Measurement]:
        raise ZeroDivisionError

    report = audit([host()], [answers_of("Linux")], [replace(KERNEL, measure=measure)], ALL, RUN)
    assert report.findings[1].verdict is Verdict.OK
    assert report.errors[0].activity == "measuring kernel"


# --- verdicts ----------------------------------------------------------------------------------------------------


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
def test_worst_verdict_and_exit_code_ignore_info(findings: list[Finding], verdict: Verdict, code: int) -> None:
    assert worst_verdict(findings) is verdict
    assert exit_code(values.report(findings)) == code


# --- hostile text ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hostile", "displayed"),
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
def test_unprintable_text_is_escaped(hostile: str, displayed: str) -> None:
    assert visible(hostile) == displayed
    assert kernel_finding(hostile).observed == displayed


@given(st.text(st.characters()))
def test_no_text_of_a_host_is_unprintable_in_a_report(text: str) -> None:
    finding = kernel_finding(text)
    for field in (finding.observed, finding.message, finding.fix or ""):
        assert field.isprintable()
        field.encode()


def test_text_of_a_host_is_bounded() -> None:
    finding = kernel_finding("A" * (MAX_LENGTH + 583))
    assert finding.observed == "A" * MAX_LENGTH + "... (583 more)"
    assert finding.fix is None


def test_secret_is_redacted_in_findings_and_failures() -> None:
    finding = kernel_finding("requirepass=hunter2secret")
    assert "hunter2secret" not in finding.observed + finding.message
    assert "[redacted]" in finding.observed
    assert finding.fix is None
    failure = Failure(FailureReason.SSH, "the banner said password=hunter2secret")
    report = audit([host()], [HostAnswers("ol-web1", failure, 2.0)], CHECKERS, ALL, RUN)
    assert "hunter2secret" not in str(report)


def test_fix_that_would_be_altered_is_omitted() -> None:
    assert kernel_finding("Minix").fix == "fix Minix"
    assert kernel_finding("Minix\x1b[2J").fix is None


def test_host_subjects_come_from_the_expected_files_only() -> None:
    def result_per_answer(expected: str, facts: Facts) -> list[Result]:
        match facts[UNAME_OUTPUT]:
            case str(name):
                return [NAME.expect(name, ()).ok()]
            case Unknown(reason):
                return [NAME.expect(expected, ()).unknown(reason)]

    checker = replace(KERNEL, evaluate=result_per_answer)
    report = audit([host(kernel="Linux")], [answers_of("evil")], [checker], ALL, RUN)
    assert {finding.subject for finding in report.findings} == {"host", "evil"}
    assert report.hosts[0].subjects == {"host", "Linux"}


# --- facts -------------------------------------------------------------------------------------------------------


def test_a_fact_is_parsed_once_per_host_and_audit() -> None:
    parsed: list[str] = []

    def parse(answer: Answered) -> int:
        parsed.append(answer.stdout)
        return len(answer.stdout)

    facts = Facts(Answers({UNAME: Answered("Linux")}))
    assert [facts[Fact("length", UNAME, parse)] for _ in range(3)] == [5, 5, 5]
    assert parsed == ["Linux"]


def test_a_fact_without_an_answer_is_unknown_with_the_reason() -> None:
    facts = Facts(Answers({UNAME: Unanswered("it hangs")}))
    assert facts[UNAME_OUTPUT] == Unknown("it hangs")
    assert facts[FILE_TEXT] == Unknown("this probe was not sent to the host")
    assert Facts(Answers({UNAME: Answered("half", "died", 139)}))[UNAME_OUTPUT] == Unknown(
        "uname ended with status 139 (SIGSEGV): died"
    )


def test_findings_name_the_facts_that_they_are_based_on() -> None:
    assert [basis.fact for basis in kernel_finding("Minix").based_on] == [UNAME_OUTPUT]


def test_the_subjects_of_a_host_are_listed_once() -> None:
    listed: list[str] = []

    def evaluate(subject: str, facts: Facts) -> list[Result]:
        if isinstance(facts[UNAME_OUTPUT], Unknown):
            listed.append(subject)
        return kernel(subject, facts)

    auditor = FleetAuditor([host()], [replace(KERNEL, evaluate=evaluate)], ALL)
    for uname in ("Linux", "Minix"):
        assert auditor.report({"ol-web1": auditor.evaluate(answers_of(uname))}, RUN).hosts[0].subjects
    assert listed == ["k"]
