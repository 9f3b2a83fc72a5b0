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
from olaudit.checks import KINDS, check_ids
from olaudit.kind import AnyKind, FleetKind, Kind
from olaudit.model import Answer, Answered, Answers, Failure, Judgement, Probe, Reason, Unanswered, Verdict
from tests.checks.fleet_answers import conforming, drifted
from tests.checks.mutations import JSON
from tests.checks.tables import RECORDED, rows, spec_of
from tests.demo.auditing import page

NAMES = [f"{kind.section}-{kind.ids[0].id}" for kind in KINDS]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=NAMES)


def test_every_module_in_checks_is_in_the_list() -> None:
    modules = {module.name for module in pkgutil.iter_modules(checks.__path__)}
    assert {kind.judge.__module__.split(".")[2] for kind in KINDS} == modules


def test_every_check_id_is_listed_once_and_is_kind_dot_aspect() -> None:
    ids = [check.id for kind in KINDS for check in kind.ids]
    assert list(check_ids()) == ids
    assert all(check.count(".") == 1 for check in ids)


def sections(kind: AnyKind) -> dict[str, Any]:
    """List the sections of this kind in the shipped expected files and in the tables of recorded answers."""
    shipped = {
        name: host.sections[kind.section] for name, host in page().hosts.items() if kind.section in host.sections
    }
    tables = [name for name, recorded in RECORDED if recorded is kind]
    specs = (spec_of(kind, row["spec"]) for name in tables for row in rows(name) if isinstance(kind, Kind))
    return shipped | {f"recorded-{n}": spec for n, spec in enumerate(specs)}


def evaluated(kind: AnyKind, specs: Mapping[str, Any], outcomes: Mapping[str, Answers]) -> list[Judgement]:
    """Evaluate one host, or all hosts together."""
    if isinstance(kind, FleetKind):
        return [judgement for _, judgement in kind.judge(specs, outcomes)]
    return [judgement for host, answers in outcomes.items() for judgement in kind.judge(specs[host], answers)]


@cache
def pieces(kind: AnyKind) -> tuple[str, ...]:
    """List lines that real answers to the probes of this kind have."""
    texts = set(JSON)
    for fleet in (conforming(), drifted()):
        for host, section in sections(kind).items():
            raw = fleet.outcomes[host].raw() if host in fleet.outcomes else {}
            for answer in (raw.get(probe) for probe in kind.probes(section)):
                texts |= set(_lines(answer) if isinstance(answer, Answered) else ())
    for name in (name for name, recorded in RECORDED if recorded is kind):
        for answered in (
            entry for row in rows(name) for entry in row["answers"].values() if "reason" not in entry
        ):
            texts |= set(_lines(Answered(**answered)))
    return (*sorted(texts), "\0", "\t", "/", "\n", "-m ", "9" * 5000, "//\n", "end\n")


def _lines(answer: Answered) -> list[str]:
    return [*answer.stdout.splitlines(keepends=True), *answer.stderr.splitlines(keepends=True), answer.stdout]


def anything(kind: AnyKind) -> st.SearchStrategy[Answer]:
    """Answer with any text, or with what hosts answer, cut up and put together in other ways."""
    texts = st.one_of(
        st.text(),
        st.lists(st.sampled_from(pieces(kind)), max_size=6).map("".join),
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(), _nested, max_leaves=8).map(json.dumps),
    )
    answered = st.builds(Answered, stdout=texts, stderr=texts, status=st.sampled_from((0, 0, 0, 1, 2, 3, 139)))
    return st.one_of(answered, st.builds(Unanswered, st.just("timed out")))


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from(("addresses", "names", "sent", "received", "Version", "Id", "Name", "State", "Mounts"))
    return st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4)


def drawn(kind: AnyKind, data: st.DataObject) -> tuple[dict[str, Any], tuple[Probe, ...]]:
    """Choose the section of one host, or of several for what hosts are compared in."""
    available = sections(kind)
    assert available, "no expected file has this section, and no table of recorded answers"
    count = 4 if isinstance(kind, FleetKind) else 1
    hosts: Sequence[str] = data.draw(
        st.lists(st.sampled_from(sorted(available)), min_size=min(count, 2), max_size=count, unique=True)
    )
    chosen = {host: available[host] for host in hosts}
    return chosen, tuple(dict.fromkeys(probe for section in chosen.values() for probe in kind.probes(section)))


@every_kind
@settings(max_examples=25)  # a smoke test of what `python -m tests.fuzz parsers` does for minutes
@given(data=st.data())
def test_any_answer_is_evaluated_without_an_exception(kind: AnyKind, data: st.DataObject) -> None:
    specs, probes = drawn(kind, data)
    answers = st.fixed_dictionaries(dict.fromkeys(probes, anything(kind))).map(Answers)
    outcomes = {host: data.draw(answers) for host in specs}
    ids = {check.id for check in kind.ids}
    for judgement in evaluated(kind, specs, outcomes):
        assert judgement.check in ids
        assert judgement.at[0] == kind.section
        assert judgement.fix is None or judgement.verdict is Verdict.DRIFT
    if isinstance(kind, Kind):
        for host, answered in outcomes.items():
            list(kind.measure(specs[host], answered))


@every_kind
@settings(max_examples=25)  # a smoke test of what `python -m tests.fuzz parsers` does for minutes
@given(data=st.data())
def test_without_any_answer_all_is_unknown(kind: AnyKind, data: st.DataObject) -> None:
    specs, probes = drawn(kind, data)
    reason = data.draw(st.sampled_from(("timed out", "", "x" * 9000)))
    outcomes = {host: Answers({probe: Unanswered(reason) for probe in probes}) for host in specs}
    judged = evaluated(kind, specs, outcomes)
    assert {judgement.verdict for judgement in judged} <= {Verdict.UNKNOWN}
    assert bool(judged) == asks(kind, specs)
    assert judged == evaluated(kind, specs, outcomes)


def asks(kind: AnyKind, specs: Mapping[str, Any]) -> bool:
    """Whether anything is asked at all: of two hosts, where hosts are compared."""
    asked: Iterable[frozenset[Probe]] = (frozenset(kind.probes(section)) for section in specs.values())
    return sum(map(bool, asked)) > (1 if isinstance(kind, FleetKind) else 0)


@every_kind
def test_each_subject_that_has_a_verdict_has_one_without_answers(kind: AnyKind) -> None:
    if isinstance(kind, FleetKind):
        hosts = sections(kind)
        down = dict.fromkeys(hosts, Failure(Reason.TIMEOUT, "no answer"))
        assert {judgement.verdict for _, judgement in kind.judge(hosts, down)} == {Verdict.UNKNOWN}
        return
    for name in (name for name, recorded in RECORDED if recorded is kind):
        for row in rows(name):
            spec = spec_of(kind, row["spec"])
            answers = Answers({probe: Unanswered("timed out") for probe in kind.probes(spec)})
            judged = {(judgement.check, judgement.subject) for judgement in kind.judge(spec, answers)}
            asked = {(judgement["check"], judgement["subject"]) for judgement in row["judgements"]}
            expected = {key for key in asked if name not in _FOUND_ON_THE_HOST}
            assert expected <= judged


_FOUND_ON_THE_HOST = ("certificate", "cron", "symlink_farm")
"""Kinds with subjects that only the host knows: without answers, the one finding is about the whole."""
