"""The JSON Schema of the expected files, as an editor applies it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from olaudit.checks import CHECKERS as REAL
from olaudit.expected import schema
from tests.expected.toys import CHECKERS

SHIPPED = Path(__file__).parents[2] / "expected"

WORD = "observed: '', owner: me, reason: why, ticket: x, expires: '2027-01-31'"


def accepts(text: str) -> bool:
    return bool(Draft202012Validator(schema(CHECKERS)).is_valid(yaml.safe_load(text)))


@pytest.mark.parametrize("checkers", [CHECKERS, REAL], ids=["toys", "real"])
def test_it_is_a_schema_of_the_draft_it_names(checkers: Any) -> None:
    made = schema(checkers)
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert made["$id"].startswith("https://")
    Draft202012Validator.check_schema(made)


@pytest.mark.parametrize("path", sorted(SHIPPED.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_file_is_valid_by_it(path: Path) -> None:
    Draft202012Validator(schema(REAL)).validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    "text",
    [
        "host: a",
        "wagon: {size: 3}",
        "name: a\ndomain: b",
        "title: bare",
        "title: {value: a, accept: [b], note: c}",
        "title: {accept: [b]}",  # the value may come from a role
        "wagon: {load: {water: 1}}",
        "boxes: [{name: a, label: b}]",
        "boxes: [{name: a, label: {value: b}}]",
        "waivers: []",
        f"waivers: [{{finding: 0123456789ab, {WORD}}}]",
        f"waivers: [{{host: a, check: b.c, subject: d, {WORD}}}]",
    ],
)
def test_it_accepts_what_can_be_written(text: str) -> None:
    assert accepts(text)


@pytest.mark.parametrize(
    "text",
    [
        "roles: []",
        "host: a\nwagons: {}",
        "name: a",
        "title: 5",
        "title: {valeu: a}",
        "title: ~",
        "wagon: {load: ~}",
        "wagon: {engine: nuclear}",
        "boxes: [{}]",
        "boxes: [{name: a, label: {accept: [b]}}]",
        "waivers: {}",
        f"waivers: [{{{WORD}}}]",
        f"waivers: [{{finding: 0123456789ab, host: a, {WORD}}}]",
        f"waivers: [{{host: a, check: b.c, {WORD}}}]",
        f"waivers: [{{finding: zz, {WORD}}}]",
        f"waivers: [{{finding: 0123456789ab, owner: '', {WORD.replace('owner: me, ', '')}}}]",
    ],
)
def test_it_refuses_what_cannot(text: str) -> None:
    assert not accepts(text)


def test_keys_are_described_for_people() -> None:
    host = schema(REAL)["$defs"]["host"]
    assert host["title"] == "A host file: hosts/NAME.yaml"
    assert host["properties"]["roles"]["description"]
    assert set(host["properties"]) >= {"host", "roles", "containers", "container_defaults", "paths", "symlinks"}
