"""Validation of a tree by a pydantic model: the value, or error messages with their places."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from olaudit.expected.messages import error_message, known_keys, suggest
from olaudit.expected.parse import misread_message
from olaudit.expected.spec import Place
from olaudit.expected.tree import Items, Node, Scalar, locate, plain, walk
from olaudit.model import SectionPath

T = TypeVar("T")
LocatedMessage = tuple[Place, str]

_UNQUOTED = {"int_type": "in plain digits", "float_type": "in plain digits", "bool_type": "as true or false"}


def validate(
    adapter: TypeAdapter[T], node: Node, name: str = "", *, partial: bool = False
) -> tuple[T | None, list[LocatedMessage]]:
    """Validate `node` with `adapter`. `name` is the key of `node`, or "".

    With `partial`, missing keys are not errors, because another file may define them. The value is None if there
    is an error, and can be None if a key is missing.
    """
    value: T | None = None
    errors: Sequence[ErrorDetails] = ()
    try:
        value = adapter.validate_json(json.dumps(plain(node)))
    except ValidationError as error:
        errors = error.errors(include_url=False)
    messages: dict[SectionPath, LocatedMessage] = {}
    for details in errors:
        if partial and details["type"] == "missing":
            continue
        path, place, message = _locate_error(adapter, details, node, name)
        messages.setdefault((*path, message), (place, message))
    misread = _misread_scalars(node, errors)
    all_messages = [message for key, message in messages.items() if key[:-1] not in misread]
    all_messages += misread.values()
    return (None if all_messages else value), all_messages


def _locate_error(
    adapter: TypeAdapter[T], error: ErrorDetails, root: Node, name: str
) -> tuple[SectionPath, Place, str]:
    """Return the path, the place and the message of an error."""
    path, node = locate(root, error["loc"])
    if error["type"] == "extra_forbidden":
        keys = known_keys(adapter.json_schema(), path[:-1])
        return path, node.place, f"unknown key {path[-1]!r}{suggest(str(path[-1]), keys)}"
    message = error_message(error, (name, *path)[-1], node)
    index = error.get("ctx", {}).get("index")
    if isinstance(node, Items) and isinstance(index, int) and index < len(node.items):
        path, node = (*path, index), node.items[index]
    return path, node.place, message


def _misread_scalars(root: Node, errors: Sequence[ErrorDetails]) -> dict[SectionPath, LocatedMessage]:
    """List the unquoted texts that only YAML reads as a number, a boolean or nothing; these are always errors."""
    error_types = {locate(root, error["loc"])[0]: error["type"] for error in errors}
    messages: dict[SectionPath, LocatedMessage] = {}
    for path, node in walk(root):
        if isinstance(node, Scalar) and node.guess and isinstance(node.value, str):
            notation = _UNQUOTED.get(error_types.get(path, "")) if node.guess != "nothing" else None
            if notation:
                message = f"{node.raw} is not in plain notation: write it {notation}"
            else:
                message = misread_message(node)
            messages[path] = (node.place, message)
    return messages
