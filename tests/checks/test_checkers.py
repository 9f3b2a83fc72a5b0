from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from olaudit import checks
from olaudit.checker import AnyChecker, Checker, FleetChecker
from olaudit.checks import CHECKERS, check_ids
from olaudit.model import Answer, Answered, Answers, Failure, FailureReason, Probe, Result, Unanswered, Verdict
from tests.checks.fleet_answers import conforming, drifted
from tests.checks.mutations import JSON
from tests.checks.tables import RECORDED, rows, spec_of
from tests.demo.auditing import shipped_fleet

IDS = [f"{checker.section}-{checker.checks[0].id}" for checker in CHECKERS]
every_checker = pytest.mark.parametrize("checker", CHECKERS, ids=IDS)


def test_every_module_in_checks_is_listed() -> None:
    modules = {module.name for module in pkgutil.iter_modules(checks.__path__)}
    assert {checker.evaluate.__module__.split(".")[2] for checker in CHECKERS} == modules


def test_check_ids_are_unique_and_have_one_dot() -> None:
    ids = [check.id for checker in CHECKERS for check in checker.checks]
    assert list(check_ids()) == ids
    assert all(check.count(".") == 1 for check in ids)


def sections(checker: AnyChecker) -> dict[str, Any]:
    """Return the sections of a checker in the shipped expected files and in the tables of recorded answers."""
    shipped = {
        name: host.sections[checker.section]
        for name, host in shipped_fleet().hosts.items()
        if checker.section in host.sections
    }
    tables = [name for name, recorded in RECORDED if recorded is checker]
    specs = (
        spec_of(checker, row["spec"]) for name in tables for row in rows(name) if isinstance(checker, Checker)
    )
    return shipped | {f"recorded-{index}": spec for index, spec in enumerate(specs)}


def evaluate_hosts(checker: AnyChecker, specs: Mapping[str, Any], outcomes: Mapping[str, Answers]) -> list[Result]:
    """Evaluate one host, or all hosts together."""
    if isinstance(checker, FleetChecker):
        return [result for _, result in checker.evaluate(specs, outcomes)]
    return [result for host, answers in outcomes.items() for result in checker.evaluate(specs[host], answers)]


@cache
def pieces(checker: AnyChecker) -> tuple[str, ...]:
    """Return the lines of real answers to the probes of a checker."""
    texts = set(JSON)
    for fleet in (conforming(), drifted()):
        for host, section in sections(checker).items():
            raw = fleet.outcomes[host].raw() if host in fleet.outcomes else {}
            for answer in (raw.get(probe) for probe in checker.probes(section)):
                texts |= set(_lines(answer) if isinstance(answer, Answered) else ())
    for name in (name for name, recorded in RECORDED if recorded is checker):
        for fields in (
            fields for row in rows(name) for fields in row["answers"].values() if "reason" not in fields
        ):
            texts |= set(_lines(Answered(**fields)))
    return (*sorted(texts), "\0", "\t", "/", "\n", "-m ", "9" * 5000, "//\n", "end\n")


def _lines(answer: Answered) -> list[str]:
    return [*answer.stdout.splitlines(keepends=True), *answer.stderr.splitlines(keepends=True), answer.stdout]


def any_answer(checker: AnyChecker) -> st.SearchStrategy[Answer]:
    """Generate an answer: any text, JSON, or pieces of real answers in any order."""
    texts = st.one_of(
        st.text(),
        st.lists(st.sampled_from(pieces(checker)), max_size=6).map("".join),
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(), _nested, max_leaves=8).map(json.dumps),
    )
    answered = st.builds(Answered, stdout=texts, stderr=texts, status=st.sampled_from((0, 0, 0, 1, 2, 3, 139)))
    return st.one_of(answered, st.builds(Unanswered, st.just("timed out")))


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from(("addresses", "names", "sent", "received", "Version", "Id", "Name", "State", "Mounts"))
    return st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4)


def draw_sections(checker: AnyChecker, data: st.DataObject) -> tuple[dict[str, Any], tuple[Probe, ...]]:
    """Draw the section of one host, or of several hosts for a fleet checker; return them with their probes."""
    available = sections(checker)
    assert available, "no expected file has this section, and no table of recorded answers"
    count = 4 if isinstance(checker, FleetChecker) else 1
    hosts: Sequence[str] = data.draw(
        st.lists(st.sampled_from(sorted(available)), min_size=min(count, 2), max_size=count, unique=True)
    )
    chosen = {host: available[host] for host in hosts}
    return chosen, tuple(dict.fromkeys(probe for section in chosen.values() for probe in checker.probes(section)))


@every_checker
@settings(max_examples=25)  # a smoke test; `python -m tests.fuzz parsers` runs for minutes
@given(data=st.data())
def test_no_answer_raises_an_exception(checker: AnyChecker, data: st.DataObject) -> None:
    specs, probes = draw_sections(checker, data)
    answers = st.fixed_dictionaries(dict.fromkeys(probes, any_answer(checker))).map(Answers)
    outcomes = {host: data.draw(answers) for host in specs}
    ids = {check.id for check in checker.checks}
    for result in evaluate_hosts(checker, specs, outcomes):
        assert result.check in ids
        assert result.at[0] == checker.section
        assert result.fix is None or result.verdict is Verdict.DRIFT
    if isinstance(checker, Checker):
        for host, host_answers in outcomes.items():
            list(checker.measure(specs[host], host_answers))


@every_checker
@settings(max_examples=25)  # a smoke test; `python -m tests.fuzz parsers` runs for minutes
@given(data=st.data())
def test_without_answers_all_results_are_unknown(checker: AnyChecker, data: st.DataObject) -> None:
    specs, probes = draw_sections(checker, data)
    reason = data.draw(st.sampled_from(("timed out", "", "x" * 9000)))
    outcomes = {host: Answers({probe: Unanswered(reason) for probe in probes}) for host in specs}
    results = evaluate_hosts(checker, specs, outcomes)
    assert {result.verdict for result in results} <= {Verdict.UNKNOWN}
    assert bool(results) == has_results(checker, specs)
    assert results == evaluate_hosts(checker, specs, outcomes)


def has_results(checker: AnyChecker, specs: Mapping[str, Any]) -> bool:
    """Return whether enough hosts have probes: one, or two for a fleet checker."""
    probes: Iterable[frozenset[Probe]] = (frozenset(checker.probes(section)) for section in specs.values())
    return sum(map(bool, probes)) > (1 if isinstance(checker, FleetChecker) else 0)


@every_checker
def test_subjects_have_verdicts_without_answers(checker: AnyChecker) -> None:
    if isinstance(checker, FleetChecker):
        hosts = sections(checker)
        failures = dict.fromkeys(hosts, Failure(FailureReason.TIMEOUT, "no answer"))
        assert {result.verdict for _, result in checker.evaluate(hosts, failures)} == {Verdict.UNKNOWN}
        return
    for name in (name for name, recorded in RECORDED if recorded is checker):
        for row in rows(name):
            spec = spec_of(checker, row["spec"])
            answers = Answers({probe: Unanswered("timed out") for probe in checker.probes(spec)})
            subjects = {(result.check, result.subject) for result in checker.evaluate(spec, answers)}
            recorded_subjects = {(result["check"], result["subject"]) for result in row["results"]}
            assert name in _SUBJECTS_FROM_HOST or recorded_subjects <= subjects


_SUBJECTS_FROM_HOST = ("certificate", "cron", "symlink_farm")
"""Checkers whose subjects come from the host: without answers, the only finding is about the whole section."""
