"""JSON Schema (draft 2020-12) of the expected files, for completion and validation in editors.

The schema does not require the required keys of a section, except in items of lists: a role and a host may each
define a part of a mapping. `olaudit validate` checks the merged result.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from olaudit.checker import AnyChecker
from olaudit.expected.headers import FleetFile, HostHeader
from olaudit.expected.validate import Sections
from olaudit.expected.waivers import WaiversFile
from olaudit.language import Expect

ID = "https://openlibrary.org/schemas/olaudit/expected.schema.json"


def schema(checkers: Sequence[AnyChecker]) -> dict[str, Any]:
    """Build the schema of all expected files; host and role files have the sections of `checkers`."""
    sections = Sections(checkers)
    definitions: dict[str, Any] = {}
    keys = {name: _section(name, sections, definitions) for name in sorted(sections.models)}
    header = _generate(HostHeader, "host", definitions)
    definitions["host"] = header | {
        "title": "A host file: hosts/NAME.yaml",
        "description": "The expected state of one host. It overrides its roles key by key.",
        "properties": header["properties"] | keys,
    }
    definitions["role"] = {
        "title": "A role file: roles/NAME.yaml",
        "description": "The expected state of all hosts with one role.",
        "type": "object",
        "properties": keys,
        "additionalProperties": False,
    }
    definitions["fleet"] = _generate(FleetFile, "fleet", definitions) | {
        "title": "The fleet file: fleet.yaml",
        "description": "The fleet's name, domain, roles of every host, order of upgrades, and retired names.",
    }
    definitions["waivers"] = _generate(WaiversFile, "waivers", definitions) | {
        "title": "The waivers: waivers.yaml",
        "description": "Accepted drift, each entry with an owner, a reason and an expiry date.",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "olaudit: expected state of a fleet",
        "description": "The files of an expected/ folder.",
        "anyOf": [{"$ref": f"#/$defs/{file}"} for file in ("host", "role", "fleet", "waivers")],
        "$defs": dict(sorted(definitions.items())),
    }


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, adapted to two rules of the expected files.

    An `Expect` may be written as a bare value. An optional key is omitted, never null.
    """

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        json = super().model_schema(schema)
        if issubclass(schema["cls"], Expect):
            description = {"title": json.pop("title"), "description": "A value, or a value with alternatives."}
            return description | {"anyOf": [json["properties"]["value"], json]}
        return json

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        json = super().default_schema(schema)
        return {key: value for key, value in json.items() if (key, value) != ("default", None)}


def _section(name: str, sections: Sections, definitions: dict[str, Any]) -> dict[str, Any]:
    """Build the schema of one section. Keys that items of a list can take from its defaults are not required."""
    described = _generate(sections.models[name], name, definitions)
    defaults = sections.models.get(sections.defaults.get(name, ""))
    if described.get("type") == "array":
        default_keys = set(getattr(defaults, "model_fields", ()))
        item = definitions.get(described["items"].get("$ref", "").rpartition("/")[2], described["items"])
        item["required"] = [key for key in item.get("required", ()) if key not in default_keys]
        return described
    for definition in (described, *(definitions[key] for key in definitions if key.startswith(f"{name}."))):
        _remove_required(definition)
    return described


def _generate(model: Any, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """Build the schema of a model; nested models are added to `definitions`, with the section's name as prefix."""
    template = f"#/$defs/{name}.{{model}}"
    described = TypeAdapter(model).json_schema(ref_template=template, schema_generator=_Generator)
    definitions |= {f"{name}.{key}": value for key, value in described.pop("$defs", {}).items()}
    return described


def _remove_required(node: Any) -> None:
    if isinstance(node, dict):
        if isinstance(node.get("required"), list):
            del node["required"]
        node = list(node.values())
    for inner in node if isinstance(node, list) else ():
        _remove_required(inner)
