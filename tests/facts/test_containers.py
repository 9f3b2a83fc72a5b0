"""Reduction of the engine's answers to the containers that results are about."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.checks.container import CHECKER
from olaudit.facts.containers import CONTAINERS
from olaudit.model import Answered, Answers, Facts, Result
from tests.checks.container.engine import RECORDED, RECORDED_AT, host_answers, inspect, parse_specs
from tests.checks.container.test_cases import CASES


def reduce(containers: Sequence[Any], *keys: str) -> Any:
    assert CONTAINERS.reduce
    answer = CONTAINERS.reduce(Answered(json.dumps(containers)), frozenset(keys))
    assert CONTAINERS.reduce(answer, frozenset(keys)) == answer
    return json.loads(answer.stdout)


def evaluate(section: Sequence[Mapping[str, Any]], answers: Answers) -> list[Result]:
    return list(CHECKER.evaluate(parse_specs(*section), Facts(answers)))


def keep_basis(result: Result, answers: Answers) -> Answers:
    """Keep the answers to the facts that a result is based on, each reduced to the relevant part."""
    kept = {}
    for basis in result.based_on:
        answer = answers[basis.fact.probe]
        reduces = basis.fact.reduce if isinstance(answer, Answered) else None
        kept[basis.fact.probe] = (
            reduces(answer, basis.keys) if reduces and isinstance(answer, Answered) else answer
        )
    return Answers(kept)


def test_containers_are_kept_by_name_or_id() -> None:
    web, other = inspect(), inspect("exited")
    outline = {"Name": "/exited", "State": {"Status": "exited"}, "Omitted": True}
    assert reduce([web, other], "openlibrary-web-1") == [web, outline]
    assert reduce([web, other], web["Id"]) == [web, outline]


def test_names_and_states_are_kept_without_keys() -> None:
    assert [entry["Name"] for entry in reduce(list(RECORDED.values()))] == [f"/{name}" for name in RECORDED]
    assert "Id" not in json.dumps(reduce(list(RECORDED.values())))


def test_unreadable_containers_stay() -> None:
    unreadable = {"Id": "1", "Name": "/web", "Unreadable": "404"}
    assert reduce([unreadable]) == [unreadable]


@pytest.mark.parametrize("text", ["", "{}", "null", "[1]", "["])
def test_an_answer_that_is_no_list_is_not_reduced(text: str) -> None:
    assert CONTAINERS.reduce
    assert CONTAINERS.reduce(Answered(text), frozenset({"web"})) == Answered(text)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["Id", "Name", "State", "Mounts"]), st.none() | st.text() | st.just({}))
    )
)
def test_any_list_is_reduced(containers: list[Any]) -> None:
    assert len(reduce(containers, "web")) == len(containers)


@pytest.mark.parametrize("row", CASES)
def test_results_follow_from_the_facts_they_name(row: dict[str, Any]) -> None:
    containers = [inspect(**container) for container in row["containers"]]
    answers = host_answers(containers, row.get("clock", RECORDED_AT), row.get("changes"))
    for result in evaluate(row["expected"], answers):
        probes = {basis.fact.probe for basis in result.based_on}
        named = Answers({probe: answer for probe, answer in answers.raw().items() if probe in probes})
        assert result in evaluate(row["expected"], named)
        if result.verdict != "ok":
            assert result in evaluate(row["expected"], keep_basis(result, answers))
