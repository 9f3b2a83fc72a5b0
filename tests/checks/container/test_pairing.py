"""Pairing of observed and expected containers, for any fleet and in any order."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.checks.container.pairing import pair, parse_compose_name, without_prefix
from olaudit.facts.containers import CONTAINERS
from olaudit.model import Facts, Unknown, Verdict
from tests.checks.container.engine import evaluate, host_answers, inspect, not_ok, parse_specs

JsonObject = dict[str, Any]

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

name_parts = st.tuples(
    st.sampled_from(PROJECTS), st.sampled_from("-_"), st.sampled_from(SERVICES), st.sampled_from(["1", "2", "10"])
)


def _item(parts: tuple[str, str, str, str]) -> JsonObject:
    project, separator, service, number = parts
    return {"service": service, "name": separator.join((project, service, number))}


def _as_expected(item: Mapping[str, Any]) -> JsonObject:
    name = parse_compose_name(item["name"], item["service"])
    assert name
    return inspect(name=item["name"], compose=f"{name.project}/{item['service']}/{name.number}")


fleets = st.lists(name_parts.map(_item), max_size=6, unique_by=lambda item: item["name"])
# Only exact names distinguish two styles of one name, so fleets with renamed containers have one style per name.
single_style_fleets = st.lists(name_parts, max_size=6, unique_by=lambda parts: (parts[0], parts[2], parts[3])).map(
    lambda fleet: [_item(parts) for parts in fleet]
)


@st.composite
def observed(draw: st.DrawFn) -> JsonObject:
    """Draw a container whose name and labels may be similar to expected ones."""
    project, separator, service, number = draw(name_parts)
    name = draw(st.sampled_from(["", PREFIX])) + separator.join((project, service, number))
    project, _, service, _ = draw(name_parts)
    labels = "/".join((project, service, draw(st.sampled_from("12")), draw(st.sampled_from(["True", "False"]))))
    entry = inspect(draw(st.sampled_from(["openlibrary-web-1", "exited"])), name=name, compose=labels)
    if draw(st.booleans()):
        entry["Config"]["Labels"] = None
    return entry


observations = st.lists(observed(), max_size=6, unique_by=lambda entry: entry["Name"])


@given(fleets)
def test_a_fleet_that_equals_the_expected_one_is_ok(fleet: list[JsonObject]) -> None:
    assert not_ok(fleet, [_as_expected(item) for item in fleet]) == []


@given(fleets, observations, st.randoms())
def test_the_order_of_both_lists_is_irrelevant(
    fleet: list[JsonObject], entries: list[JsonObject], chance: random.Random
) -> None:
    def results(items: list[JsonObject], containers: list[JsonObject]) -> set[object]:
        return {replace(result, at=()) for result in evaluate(parse_specs(*items), host_answers(containers))}

    items, containers = chance.sample(fleet, len(fleet)), chance.sample(entries, len(entries))
    assert results(items, containers) == results(fleet, entries)


@given(fleets, observations)
def test_each_container_is_paired_once_or_unpaired(fleet: list[JsonObject], entries: list[JsonObject]) -> None:
    containers = Facts(host_answers(entries))[CONTAINERS]
    assert not isinstance(containers, Unknown)
    pairing = pair(parse_specs(*fleet), containers)
    placed = [*pairing.pairs.values(), *pairing.unpaired]
    assert sorted(map(repr, placed)) == sorted(map(repr, containers))


@given(fleets, observations)
def test_a_container_with_the_exact_name_is_paired(fleet: list[JsonObject], entries: list[JsonObject]) -> None:
    observed_names = {entry["Name"].removeprefix("/") for entry in entries}
    findings = not_ok(fleet, entries)
    for name in observed_names & {item["name"] for item in fleet}:
        assert not {("missing", name), ("name", name), ("unexpected", name)} & set(findings)


@given(single_style_fleets, st.sampled_from(["", PREFIX, PREFIX * 2]), st.booleans())
def test_a_renamed_container_is_one_name_finding(fleet: list[JsonObject], prefix: str, labelled: bool) -> None:
    swap = str.maketrans("-_", "_-")
    entries = []
    for item in fleet:
        entry, name = _as_expected(item), parse_compose_name(item["name"], item["service"])
        assert name
        separator = name.separators[0].translate(swap)
        entry["Name"] = f"/{prefix}{separator.join((name.project, item['service'], name.number))}"
        if not labelled:
            entry["Config"]["Labels"] = None
        entries.append(entry)
    findings = [finding for finding in not_ok(fleet, entries) if finding[0] != "service"]
    assert findings == sorted(("name", item["name"]) for item in fleet)


@given(fleets, observations)
def test_each_container_is_either_present_or_unexpected(
    fleet: list[JsonObject], entries: list[JsonObject]
) -> None:
    results = evaluate(parse_specs(*fleet), host_answers(entries))
    missing = [result for result in results if result.check.id == "container.missing"]
    unexpected = [result for result in results if result.check.id == "container.unexpected"]
    present = sum(result.verdict is Verdict.OK for result in missing)
    assert present + sum(result.verdict is Verdict.DRIFT for result in unexpected) == len(entries)
    assert {result.subject for result in missing} == {item["name"] for item in fleet}


@pytest.mark.parametrize(
    ("name", "service", "parts"),
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
    name: str, service: str, parts: tuple[str, str, str] | None
) -> None:
    compose_name = parse_compose_name(name, service)
    assert (compose_name and (compose_name.project, compose_name.number, compose_name.separators)) == parts


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
def test_a_recreate_prefix_is_twelve_lowercase_hex_digits(name: str, bare: str) -> None:
    assert without_prefix(name) == bare


def test_an_empty_list_has_no_containers() -> None:
    assert Facts(host_answers([]))[CONTAINERS] == ()
