"""Error messages for invalid values: one short sentence for each error type of pydantic."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from olaudit.expected.parse import misread_message
from olaudit.expected.tree import Items, Node, Scalar

_TYPES = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "dict": "a mapping",
    "mapping": "a mapping",
    "model": "a mapping",
}
"""Expected types by the beginning of pydantic's error types, such as `int_parsing`."""

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


_MAX_CHOICES = 40  # in a message: more than a fleet has sections, fewer than it may have hosts


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return a hint to the closest choice; "" if none is similar."""
    close = difflib.get_close_matches(word, sorted(set(choices)), n=1)
    return f": did you mean {close[0]!r}?" if close else ""


def suggest(word: str, choices: Iterable[str]) -> str:
    """Return a hint: "did you mean" the closest choice, else the list of choices, if there are any."""
    names = sorted(set(choices))
    more = f" and {len(names) - _MAX_CHOICES} more" if len(names) > _MAX_CHOICES else ""
    listed = f": expected one of {', '.join(names[:_MAX_CHOICES])}{more}" if names else ""
    return did_you_mean(word, names) or listed


def error_message(error: ErrorDetails, key: str | int, node: Node) -> str:
    """Format pydantic's error about `node`, the value of `key`. Unknown keys are not handled here."""
    type_, context = error["type"], error.get("ctx", {})
    label = repr(key) if key and isinstance(key, str) else "this"
    if isinstance(node, Scalar) and node.guess and type_ == "string_type":
        return misread_message(node)
    expected = _TYPES.get(type_.partition("_")[0])
    if expected and type_.endswith(("_type", "_parsing", "_from_float")):
        return f"{label} must be {expected}, not {_describe(node)}"
    if type_ in {"string_too_short", "too_short"} and context["min_length"] == 1:
        return f"{label} must not be empty"
    if type_ in _LIMITS:
        return f"{label} must be {_LIMITS[type_].format_map(context)}{_not(node)}"
    return _other_message(error, label, node)


def _other_message(error: ErrorDetails, label: str, node: Node) -> str:
    """Format a missing key, an error that a validator raised, or a rare error of pydantic."""
    if error["type"] == "missing":
        return f"missing key {error['loc'][-1]!r}"
    if error["type"] in {"value_error", "assertion_error"}:
        return str(error["ctx"]["error"])
    if error["type"] in get_args(ErrorType):
        requirement = re.search(r" should (be [a-z ]+|match pattern .+)$", error["msg"])
        return f"{label} must {requirement[1] if requirement else 'have another value'}{_not(node)}"
    return error["msg"]


def _describe(node: Node) -> str:
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
    if not isinstance(node, Scalar):
        return ""
    return f", not {_short(node.raw) if isinstance(node.value, str) else node.raw}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def known_keys(schema: dict[str, Any], path: Sequence[str | int]) -> set[str]:
    """Return the keys that a JSON Schema allows at `path`."""
    subschemas = _expand(schema, schema)
    for step in path:
        children = [child for subschema in subschemas for child in _children(subschema, step)]
        subschemas = [alternative for child in children for alternative in _expand(child, schema)]
    return {name for subschema in subschemas for name in subschema.get("properties", ())}


def _expand(subschema: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Resolve a reference, and list a subschema with its alternatives."""
    if "$ref" in subschema:
        return _expand(schema["$defs"][subschema["$ref"].rpartition("/")[2]], schema)
    options = [*subschema.get("anyOf", ()), *subschema.get("oneOf", ())]
    return [subschema, *(inner for option in options for inner in _expand(option, schema))]


def _children(subschema: dict[str, Any], step: str | int) -> list[dict[str, Any]]:
    if isinstance(step, int):
        children = [subschema.get("items")]
    else:
        children = [subschema.get("properties", {}).get(step), subschema.get("additionalProperties")]
    return [child for child in children if isinstance(child, dict)]
