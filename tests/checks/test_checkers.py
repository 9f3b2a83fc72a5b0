"""Properties of every checker in the list, and of every fact that these need."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from olaudit import checks, facts
from olaudit.checker import AnyChecker
from olaudit.checks import CHECKERS, check_ids
from olaudit.evidence import reduce
from olaudit.model import Answer, Answered, Answers, Expectation, Fact, Facts, Probe, Result, Unanswered, Verdict
from tests.checks.fleet_answers import conforming, drifted, evaluate_hosts
from tests.checks.mutations import JSON
from tests.checks.tables import RECORDED, TABLES, parse_answers, rows, spec_of
from tests.demo.auditing import shipped_fleet

IDS = [f"{checker.section}-{checker.checks[0].id}" for checker in CHECKERS]
every_checker = pytest.mark.parametrize("checker", CHECKERS, ids=IDS)


def test_every_module_in_checks_is_listed() -> None:
    modules = {module.name for module in pkgutil.iter_modules(checks.__path__)}
    functions = [function for checker in CHECKERS for function in (checker.evaluate, checker.vote)]
    parts = {function.__module__.split(".")[2] for function in functions if function.__module__.count(".") > 1}
    assert parts == modules


def test_every_module_in_facts_is_needed_by_a_checker() -> None:
    modules = {module.name for module in pkgutil.iter_modules(facts.__path__)}
    used = {fact.name.partition(".")[0] for checker in CHECKERS for fact in facts_of(checker)}
    assert used == modules - _WITHOUT_FACTS


_WITHOUT_FACTS = {"answers", "container_settings", "documents", "hba_records"}
"""Modules in facts/ with values and helpers of other modules there."""


def test_every_table_of_recorded_answers_is_listed() -> None:
    assert {name for name, _ in RECORDED} == {file.stem for file in TABLES.glob("*.json")}


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
    specs = (spec_of(checker, row["spec"]) for name in tables for row in rows(name))
    return shipped | {f"recorded-{index}": spec for index, spec in enumerate(specs)}


@cache
def facts_of(checker: AnyChecker) -> tuple[Fact[Any], ...]:
    """Return all facts that a checker needs for these sections."""
    return tuple(dict.fromkeys(fact for section in sections(checker).values() for fact in checker.facts(section)))


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
    """Draw the section of one host, or of several hosts that are compared; return them with their probes."""
    available = sections(checker)
    assert available, "no expected file has this section, and no table of recorded answers"
    count = 4 if checker.compares_hosts else 1
    hosts: Sequence[str] = data.draw(
        st.lists(st.sampled_from(sorted(available)), min_size=min(count, 2), max_size=count, unique=True)
    )
    chosen = {host: available[host] for host in hosts}
    return chosen, tuple(dict.fromkeys(probe for section in chosen.values() for probe in checker.probes(section)))


def results_of(checker: AnyChecker, specs: Mapping[str, Any], outcomes: Mapping[str, Answers]) -> list[Result]:
    return [result for _, result in evaluate_hosts(checker, specs, outcomes)]


@every_checker
@settings(max_examples=25)  # a smoke test; `python -m tests.fuzz parsers` runs for minutes
@given(data=st.data())
def test_parsing_and_reducing_any_answer_succeed(checker: AnyChecker, data: st.DataObject) -> None:
    fact = data.draw(st.sampled_from(facts_of(checker)))
    answer = data.draw(any_answer(checker))
    if isinstance(answer, Answered):
        assert fact.parse(answer) == fact.parse(answer)
    keys = data.draw(st.lists(st.sampled_from(("1", "/", "ol-web1", "web", "10.0.0.1")), max_size=2))
    once = reduce([fact.about(*keys)], answer)
    assert reduce([fact.about(*keys)], once) == once


@every_checker
@settings(max_examples=25)  # a smoke test; `python -m tests.fuzz parsers` runs for minutes
@given(data=st.data())
def test_no_answer_raises_an_exception(checker: AnyChecker, data: st.DataObject) -> None:
    specs, probes = draw_sections(checker, data)
    answers = st.fixed_dictionaries(dict.fromkeys(probes, any_answer(checker))).map(Answers)
    outcomes = {host: data.draw(answers) for host in specs}
    for host, result in evaluate_hosts(checker, specs, outcomes):
        assert result.check in checker.checks
        assert result.at[0] == checker.section
        assert result.fix is None or result.verdict is Verdict.DRIFT
        assert {basis.fact for basis in result.based_on} <= set(checker.facts(specs[host]))
    for host, host_answers in outcomes.items():
        for measurement in checker.measure(specs[host], Facts(host_answers)):
            assert measurement.metric in checker.metrics


@every_checker
@settings(max_examples=25)  # a smoke test; `python -m tests.fuzz parsers` runs for minutes
@given(data=st.data())
def test_unknown_facts_give_unknown_results(checker: AnyChecker, data: st.DataObject) -> None:
    specs, probes = draw_sections(checker, data)
    reason = data.draw(st.sampled_from(("timed out", "", "x" * 9000)))
    outcomes = {host: Answers({probe: Unanswered(reason) for probe in probes}) for host in specs}
    results = results_of(checker, specs, outcomes)
    assert {result.verdict for result in results} <= {Verdict.UNKNOWN}
    assert bool(results) == has_results(checker, specs)
    assert results == results_of(checker, specs, outcomes)


def has_results(checker: AnyChecker, specs: Mapping[str, Any]) -> bool:
    """Return whether enough hosts have probes: one, or two that are compared."""
    return sum(bool(checker.probes(section)) for section in specs.values()) > checker.compares_hosts


@every_checker
def test_subjects_have_verdicts_without_answers(checker: AnyChecker) -> None:
    for name in (name for name, recorded in RECORDED if recorded is checker):
        for row in rows(name):
            spec = spec_of(checker, row["spec"])
            results = checker.evaluate(spec, Facts(Answers({})))
            subjects = {(result.check.id, result.subject) for result in results}
            recorded_subjects = {(result["check"], result["subject"]) for result in row["results"]}
            assert name in _SUBJECTS_FROM_HOST or recorded_subjects <= subjects


_SUBJECTS_FROM_HOST = ("certificate", "cron", "symlink_farm")
"""Checkers whose subjects come from the host: without answers, the only finding is about the whole section."""


# --- what results are based on -----------------------------------------------------------------------------------


def real_answers(checker: AnyChecker) -> Iterator[tuple[Any, Answers]]:
    """Yield the sections and answers of recorded hosts, and of the tables of recorded answers."""
    for name in (name for name, recorded in RECORDED if recorded is checker):
        yield from (parse_answers(checker, row) for row in rows(name))
    for fleet in (conforming(), drifted()):
        for name, host in shipped_fleet().hosts.items():
            if checker.section in host.sections:
                yield host.sections[checker.section], fleet.outcomes[name]


def results_and_votes(
    checker: AnyChecker, section: Any, answers: Answers
) -> list[tuple[Expectation | Result, object]]:
    """Return each result, and the expectation of each vote with its value."""
    facts = Facts(answers)
    votes = [(vote.expectation, vote.value) for vote in checker.vote(section, facts)]
    return [*((result, None) for result in checker.evaluate(section, facts)), *votes]


@every_checker
def test_based_on_is_sufficient_for_the_same_result(checker: AnyChecker) -> None:
    for section, answers in real_answers(checker):
        for item in results_and_votes(checker, section, answers):
            probes = {basis.fact.probe for basis in item[0].based_on}
            sufficient = Answers({probe: answer for probe, answer in answers.raw().items() if probe in probes})
            assert item in results_and_votes(checker, section, sufficient), item


@every_checker
def test_results_are_based_on_no_fact_that_does_not_matter(checker: AnyChecker) -> None:
    needed: dict[tuple[str, str], set[bool]] = {}
    for section, answers in real_answers(checker):
        for item in results_and_votes(checker, section, answers):
            for basis in item[0].based_on:
                without = Answers({**answers.raw(), basis.fact.probe: Unanswered("removed")})
                matters = item not in results_and_votes(checker, section, without)
                needed.setdefault((item[0].check.id, basis.fact.name), set()).add(matters)
    assert needed
    assert [key for key, matters in needed.items() if True not in matters] == []
