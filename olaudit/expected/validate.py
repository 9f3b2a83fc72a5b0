"""A tree against a pydantic model: the value, or what is wrong and where it is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from olaudit.expected.messages import known_keys, sentence, suggest
from olaudit.expected.parse import misread
from olaudit.expected.spec import Place
from olaudit.expected.tree import Items, Node, Scalar, locate, plain, walk
from olaudit.model import SectionPath

T = TypeVar("T")
Fault = tuple[Place, str]

_UNQUOTED = {"int_type": "in plain digits", "float_type": "in plain digits", "bool_type": "as true or false"}


def validate(
    adapter: TypeAdapter[T], node: Node, name: str = "", *, partial: bool = False
) -> tuple[T | None, list[Fault]]:
    """Make `adapter`'s value of `node`, which is called `name`, if it is called anything.

    `partial`: what is missing may yet come from elsewhere, and is no fault. The value is None where anything is
    wrong, and may be None where something is missing.
    """
    value: T | None = None
    errors: Sequence[ErrorDetails] = ()
    try:
        value = adapter.validate_json(json.dumps(plain(node)))
    except ValidationError as error:
        errors = error.errors(include_url=False)
    faults: dict[SectionPath, Fault] = {}
    for details in errors:
        if partial and details["type"] == "missing":
            continue
        at, place, message = _fault(adapter, details, node, name)
        faults.setdefault((*at, message), (place, message))
    doubts = _doubts(node, errors)
    found = [fault for key, fault in faults.items() if key[:-1] not in doubts] + list(doubts.values())
    return (None if found else value), found


def _fault(adapter: TypeAdapter[T], error: ErrorDetails, root: Node, name: str) -> tuple[SectionPath, Place, str]:
    """Find where an error is written, and say it."""
    at, node = locate(root, error["loc"])
    if error["type"] == "extra_forbidden":
        known = known_keys(adapter.json_schema(), at[:-1])
        return at, node.place, f"unknown key {at[-1]!r}{suggest(str(at[-1]), known)}"
    message = sentence(error, (name, *at)[-1], node)
    index = error.get("ctx", {}).get("index")
    if isinstance(node, Items) and isinstance(index, int) and index < len(node.items):
        at, node = (*at, index), node.items[index]
    return at, node.place, message


def _doubts(root: Node, errors: Sequence[ErrorDetails]) -> dict[SectionPath, Fault]:
    """Find what only YAML reads as a number, a boolean or nothing: it never passes, whatever is expected there."""
    wanted = {locate(root, error["loc"])[0]: error["type"] for error in errors}
    found: dict[SectionPath, Fault] = {}
    for at, node in walk(root):
        if isinstance(node, Scalar) and node.guess and isinstance(node.value, str):
            otherwise = _UNQUOTED.get(wanted.get(at, "")) if node.guess != "nothing" else None
            message = (
                f"{node.raw} is not written as YAML means it: write it {otherwise}" if otherwise else misread(node)
            )
            found[at] = (node.place, message)
    return found
