"""Pairing, for any fleet: one container to one expectation, by the best sign there is, whatever the order."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.checks.container import evaluate
from olaudit.checks.container.inspect import read
from olaudit.checks.container.pairing import parse_compose_name, pair, without_prefix
from olaudit.model import Answered, EngineQuery, Unanswered, Verdict
from tests.checks.container.engine import answers, findings, inspect, specs

Item = dict[str, Any]

SERVICES = (
    "web",
    "fast_web",
    "covers",
    "covers_nginx",
    "solr",
    "solr_haproxy",
    "solr-updater",
    "solr-next-updater",
)
PROJECTS = ("openlibrary", "solr_builder")
PREFIX = "0123456789ab_"

names = st.tuples(
    st.sampled_from(PROJECTS), st.sampled_from("-_"), st.sampled_from(SERVICES), st.sampled_from(["1", "2", "10"])
)


def _item(parts: tuple[str, str, str, str]) -> Item:
    project, separator, service, number = parts
    return {"service": service, "name": separator.join((project, service, number))}


def _as_expected(item: Mapping[str, Any]) -> Item:
    found = parse_compose_name(item["name"], item["service"])
    assert found
    return inspect(name=item["name"], compose=f"{found.project}/{item['service']}/{found.number}")


fleets = st.lists(names.map(_item), max_size=6, unique_by=lambda item: item["name"])
# Two styles of one name are told apart by exact names only, so fleets that are to be renamed have one of each.
plain_fleets = st.lists(names, max_size=6, unique_by=lambda parts: (parts[0], parts[2], parts[3])).map(
    lambda fleet: [_item(parts) for parts in fleet]
)


@st.composite
def observed(draw: st.DrawFn) -> Item:
    """Make a container with a name and labels that are near, or not, to what may be expected."""
    project, separator, service, number = draw(names)
    name = draw(st.sampled_from(["", PREFIX])) + separator.join((project, service, number))
    project, _, service, _ = draw(names)
    labels = "/".join((project, service, draw(st.sampled_from("12")), draw(st.sampled_from(["True", "False"]))))
    entry = inspect(draw(st.sampled_from(["openlibrary-web-1", "exited"])), name=name, compose=labels)
    if draw(st.booleans()):
        entry["Config"]["Labels"] = None
    return entry


observations = st.lists(observed(), max_size=6, unique_by=lambda entry: entry["Name"])


@given(fleets)
def test_a_fleet_that_equals_the_expected_one_is_ok_throughout(fleet: list[Item]) -> None:
    assert findings(fleet, [_as_expected(item) for item in fleet]) == []


@given(fleets, observations, st.randoms())
def test_the_order_of_neither_list_matters(fleet: list[Item], entries: list[Item], chance: random.Random) -> None:
    def told(items: list[Item], containers: list[Item]) -> set[object]:
        return {replace(one, at=()) for one in evaluate(specs(*items), answers(containers))}

    items, containers = chance.sample(fleet, len(fleet)), chance.sample(entries, len(entries))
    assert told(items, containers) == told(fleet, entries)


@given(fleets, observations)
def test_each_container_is_paired_once_or_left_over(fleet: list[Item], entries: list[Item]) -> None:
    containers = read(answers(entries)[EngineQuery.CONTAINERS])
    assert not isinstance(containers, Unanswered)
    pairing = pair(specs(*fleet), containers)
    placed = [*pairing.pairs.values(), *pairing.rest]
    assert sorted(map(repr, placed)) == sorted(map(repr, containers))


@given(fleets, observations)
def test_a_container_of_the_exact_name_is_the_expected_one(fleet: list[Item], entries: list[Item]) -> None:
    here = {entry["Name"].removeprefix("/") for entry in entries}
    wrong = findings(fleet, entries)
    for name in here & {item["name"] for item in fleet}:
        assert not {("missing", name), ("name", name), ("unexpected", name)} & set(wrong)


@given(plain_fleets, st.sampled_from(["", PREFIX, PREFIX * 2]), st.booleans())
def test_a_renamed_fleet_is_one_finding_about_each_name(fleet: list[Item], prefix: str, labelled: bool) -> None:
    swap = str.maketrans("-_", "_-")
    entries = []
    for item in fleet:
        entry, found = _as_expected(item), parse_compose_name(item["name"], item["service"])
        assert found
        separator = found.separators[0].translate(swap)
        entry["Name"] = f"/{prefix}{separator.join((found.project, item['service'], found.number))}"
        if not labelled:
            entry["Config"]["Labels"] = None
        entries.append(entry)
    wrong = [finding for finding in findings(fleet, entries) if finding[0] != "service"]
    assert wrong == sorted(("name", item["name"]) for item in fleet)


@given(fleets, observations)
def test_what_is_expected_and_not_found_is_missing_and_what_is_found_and_not_expected_is_told(
    fleet: list[Item], entries: list[Item]
) -> None:
    made = evaluate(specs(*fleet), answers(entries))
    present = sum(one.check == "container.missing" and one.verdict is Verdict.OK for one in made)
    unexpected = sum(one.check == "container.unexpected" and one.verdict is Verdict.DRIFT for one in made)
    assert present + unexpected == len(entries)
    assert {one.subject for one in made if one.check == "container.missing"} == {item["name"] for item in fleet}


@pytest.mark.parametrize(
    ("name", "service", "found"),
    [
        ("openlibrary-web-1", "web", ("openlibrary", "1", "--")),
        ("openlibrary_web_12", "web", ("openlibrary", "12", "__")),
        ("solr_builder-solr_prod-1", "solr_prod", ("solr_builder", "1", "--")),
        ("openlibrary-covers_nginx-1", "covers_nginx", ("openlibrary", "1", "--")),
        ("openlibrary-covers-nginx-1", "covers_nginx", None),
        ("openlibrary-webs-1", "web", None),
        ("web-1", "web", ("", "1", "-")),
        ("openlibrary-web-one", "web", None),
        ("openlibrary-a.b-1", "a.b", ("openlibrary", "1", "--")),
        ("openlibrary-axb-1", "a.b", None),
        ("jenkins", "jenkins", None),
    ],
)
def test_a_compose_name_is_project_service_and_number(
    name: str, service: str, found: tuple[str, str, str] | None
) -> None:
    read_name = parse_compose_name(name, service)
    assert (read_name and (read_name.project, read_name.number, read_name.separators)) == found


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("0123456789ab_web", "web"),
        ("0123456789ab_0123456789ab_web", "web"),
        ("0123456789ab_", "0123456789ab_"),
        ("0123456789AB_web", "0123456789AB_web"),
        ("web_0123456789ab_1", "web_0123456789ab_1"),
    ],
)
def test_only_twelve_hex_digits_before_the_name_are_a_recreates_prefix(name: str, bare: str) -> None:
    assert without_prefix(name) == bare


def test_an_answer_is_read_as_it_was_given() -> None:
    assert read(Answered("[]")) == ()
