"""The JSON Schema of the expected files, validated as in an editor."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from olaudit.checks import CHECKERS as REAL_CHECKERS
from olaudit.expected import schema
from tests.expected.toys import CHECKERS

SHIPPED = Path(__file__).parents[2] / "expected"

ACCEPTANCE = "observed: '', owner: me, reason: why, ticket: x, expires: '2027-01-31'"


def accepts(text: str) -> bool:
    return bool(Draft202012Validator(schema(CHECKERS)).is_valid(yaml.safe_load(text)))


@pytest.mark.parametrize("checkers", [CHECKERS, REAL_CHECKERS], ids=["toys", "real"])
def test_schema_is_valid_by_its_draft(checkers: Any) -> None:
    document = schema(checkers)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"].startswith("https://")
    Draft202012Validator.check_schema(document)


@pytest.mark.parametrize("path", sorted(SHIPPED.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_file_is_valid(path: Path) -> None:
    Draft202012Validator(schema(REAL_CHECKERS)).validate(yaml.safe_load(path.read_text()))


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
        f"waivers: [{{finding: 0123456789ab, {ACCEPTANCE}}}]",
        f"waivers: [{{host: a, check: b.c, subject: d, {ACCEPTANCE}}}]",
    ],
)
def test_valid_text_is_accepted(text: str) -> None:
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
        f"waivers: [{{{ACCEPTANCE}}}]",
        f"waivers: [{{finding: 0123456789ab, host: a, {ACCEPTANCE}}}]",
        f"waivers: [{{host: a, check: b.c, {ACCEPTANCE}}}]",
        f"waivers: [{{finding: zz, {ACCEPTANCE}}}]",
        f"waivers: [{{finding: 0123456789ab, owner: '', {ACCEPTANCE.replace('owner: me, ', '')}}}]",
    ],
)
def test_invalid_text_is_rejected(text: str) -> None:
    assert not accepts(text)


def test_keys_have_descriptions() -> None:
    host = schema(REAL_CHECKERS)["$defs"]["host"]
    assert host["title"] == "A host file: hosts/NAME.yaml"
    assert host["properties"]["roles"]["description"]
    assert set(host["properties"]) >= {"host", "roles", "containers", "container_defaults", "paths", "symlinks"}
