"""The expected files as a JSON Schema (draft 2020-12), for editors: completion, descriptions, and red underlines.

A key that a section needs is not required here, except in the items of lists: a role and a host may each say a
part of a mapping. `olaudit validate` sees the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from olaudit.checker import AnyChecker
from olaudit.expected.headers import FleetFile, HostHeader
from olaudit.expected.sections import Sections
from olaudit.expected.waivers import WaiversFile
from olaudit.language import Expect

ID = "https://openlibrary.org/schemas/olaudit/expected.schema.json"


def schema(checkers: Sequence[AnyChecker]) -> dict[str, Any]:
    """Describe the fleet's and the waivers' file, and host and role files whose sections are those of `kinds`."""
    sections = Sections(checkers)
    definitions: dict[str, Any] = {}
    keys = {name: _section(name, sections, definitions) for name in sorted(sections.models)}
    head = _generate(HostHeader, "host", definitions)
    definitions["host"] = head | {
        "title": "A host file: hosts/NAME.yaml",
        "description": "What one host should be. It overrides its roles key by key.",
        "properties": head["properties"] | keys,
    }
    definitions["role"] = {
        "title": "A role file: roles/NAME.yaml",
        "description": "What all hosts with one role should be.",
        "type": "object",
        "properties": keys,
        "additionalProperties": False,
    }
    definitions["fleet"] = _generate(FleetFile, "fleet", definitions) | {
        "title": "The fleet file: fleet.yaml",
        "description": "What the hosts have in common, and the order in which they are upgraded.",
    }
    definitions["waivers"] = _generate(WaiversFile, "waivers", definitions) | {
        "title": "The waivers: waivers.yaml",
        "description": "Drift that somebody accepts for a while.",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "olaudit: what a fleet should be",
        "description": "The files of an expected/ folder.",
        "anyOf": [{"$ref": f"#/$defs/{shape}"} for shape in ("host", "role", "fleet", "waivers")],
        "$defs": dict(sorted(definitions.items())),
    }


class _Generator(GenerateJsonSchema):
    """Pydantic's own, but for two things that it cannot know of these files.

    An `Expect` may be written as the bare value, and what a key may be left out for (None) is never written.
    """

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        json = super().model_schema(schema)
        if issubclass(schema["cls"], Expect):
            about = {"title": json.pop("title"), "description": "The value alone, or with what passes as well."}
            return about | {"anyOf": [json["properties"]["value"], json]}
        return json

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        json = super().default_schema(schema)
        return {key: value for key, value in json.items() if (key, value) != ("default", None)}


def _section(name: str, sections: Sections, definitions: dict[str, Any]) -> dict[str, Any]:
    """Describe one section. Keys that a list's items may take from its defaults are not required in them."""
    described = _generate(sections.models[name], name, definitions)
    defaults = sections.models.get(sections.defaults.get(name, ""))
    if described.get("type") == "array":
        taken = set(getattr(defaults, "model_fields", ()))
        item = definitions.get(described["items"].get("$ref", "").rpartition("/")[2], described["items"])
        item["required"] = [key for key in item.get("required", ()) if key not in taken]
        return described
    for definition in (described, *(definitions[key] for key in definitions if key.startswith(f"{name}."))):
        _require_nothing(definition)
    return described


def _generate(model: Any, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """Describe a model; the models inside it go to `definitions`, under the section's name."""
    template = f"#/$defs/{name}.{{model}}"
    described = TypeAdapter(model).json_schema(ref_template=template, schema_generator=_Generator)
    definitions |= {f"{name}.{key}": value for key, value in described.pop("$defs", {}).items()}
    return described


def _require_nothing(spot: Any) -> None:
    if isinstance(spot, dict):
        if isinstance(spot.get("required"), list):
            del spot["required"]
        for inner in spot.values():
            _require_nothing(inner)
    elif isinstance(spot, list):
        for inner in spot:
            _require_nothing(inner)
