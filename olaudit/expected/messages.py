"""What is wrong with a value, in one short sentence of our own: from pydantic's error types to words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from olaudit.expected.parse import misread
from olaudit.expected.tree import Items, Node, Scalar

_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_LIMITS = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
    "too_short": "at least {min_length} long",
    "too_long": "at most {max_length} long",
    "literal_error": "{expected}",
    "enum": "{expected}",
}


def suggest(word: str, known: Iterable[str]) -> str:
    """Say "did you mean", if any of the known words is near; else list them, if there are any."""
    names = sorted(set(known))
    if near := difflib.get_close_matches(word, names, n=1):
        return f": did you mean {near[0]!r}?"
    return f": known are {', '.join(names)}" if names else ""


def sentence(error: ErrorDetails, key: str | int, node: Node) -> str:
    """Say what pydantic found wrong with `node`, which is written at `key`. Unknown keys are not said here."""
    kind, context = error["type"], error.get("ctx", {})
    label = repr(key) if key and isinstance(key, str) else "this"
    if isinstance(node, Scalar) and node.guess and kind == "string_type":
        return misread(node)
    if kind in _TYPES:
        return f"{label} must be {_TYPES[kind]}, not {_what(node)}"
    if kind in {"string_too_short", "too_short"} and context["min_length"] == 1:
        return f"{label} must not be empty"
    if kind in _LIMITS:
        return f"{label} must be {_LIMITS[kind].format_map(context)}{_not(node)}"
    return _other(error, label, node)


def _other(error: ErrorDetails, label: str, node: Node) -> str:
    """Say the rest: a missing key, what a check's own model raised, and pydantic's rarer errors."""
    if error["type"] == "missing":
        return f"{error['loc'][-1]!r} is missing here"
    if error["type"] in {"value_error", "assertion_error"}:
        return str(error["ctx"]["error"])
    if error["type"] in get_args(ErrorType):
        wants = re.search(r" should (be [a-z ]+|match pattern .+)$", error["msg"])
        return f"{label} must {wants[1] if wants else 'be something else'}{_not(node)}"
    return error["msg"]


def _what(node: Node) -> str:
    match node:
        case Items():
            return "a list"
        case Scalar(value=bool()):
            return node.raw
        case Scalar(value=str()):
            return f"the text {_short(node.raw)}"
        case Scalar():
            return f"the number {node.raw}"
        case _:
            return "a mapping"


def _not(node: Node) -> str:
    return (
        f", not {_short(node.raw) if isinstance(node.value, str) else node.raw}"
        if isinstance(node, Scalar)
        else ""
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def known_keys(schema: dict[str, Any], path: Sequence[str | int]) -> set[str]:
    """Name the keys that a JSON Schema knows at `path` below it."""
    spots = _expand(schema, schema)
    for step in path:
        inner = [spot for outer in spots for spot in _into(outer, step)]
        spots = [spot for found in inner for spot in _expand(found, schema)]
    return {name for spot in spots for name in spot.get("properties", ())}


def _expand(spot: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in spot:
        return _expand(schema["$defs"][spot["$ref"].rpartition("/")[2]], schema)
    options = [*spot.get("anyOf", ()), *spot.get("oneOf", ())]
    return [spot, *(inner for option in options for inner in _expand(option, schema))]


def _into(spot: dict[str, Any], step: str | int) -> list[dict[str, Any]]:
    if isinstance(step, int):
        found = [spot.get("items")]
    else:
        found = [spot.get("properties", {}).get(step), spot.get("additionalProperties")]
    return [inner for inner in found if isinstance(inner, dict)]
