"""Validation of trees: of one by a pydantic model, and of the sections of a file by the checkers' models.

The result is a value, or error messages with their places.
"""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from olaudit.checker import AnyChecker
from olaudit.expected.messages import error_message, known_keys, suggest
from olaudit.expected.parse import misread_message
from olaudit.expected.spec import Place
from olaudit.expected.tree import Items, Node, Scalar, Table, locate, plain, walk
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


class Sections:
    """All sections by name. Checkers that share a section have the same model."""

    def __init__(self, checkers: Sequence[AnyChecker]) -> None:
        self.models: dict[str, Any] = {}
        self.defaults: dict[str, str] = {}
        for checker in checkers:
            self.models.setdefault(checker.section, checker.model)
            if checker.defaults:
                self.defaults[checker.section] = checker.defaults[0]
                self.models.setdefault(*checker.defaults)
        self._adapters: dict[str, TypeAdapter[Any]] = {
            name: TypeAdapter(model) for name, model in self.models.items()
        }

    def with_defaults(self, table: Table) -> Table:
        """Add the default keys that an item of a list lacks. A default keeps the place where it is written."""
        entries = dict(table.entries)
        for section, key in self.defaults.items():
            items, defaults = entries.get(section), entries.get(key)
            if isinstance(items, Items) and isinstance(defaults, Table):
                filled = [
                    Table(item.place, {**defaults.entries, **item.entries}) if isinstance(item, Table) else item
                    for item in items.items
                ]
                entries[section] = Items(items.place, tuple(filled))
        return Table(table.place, entries)

    def validate(self, table: Table, *, partial: bool = False) -> tuple[Mapping[str, Any], list[LocatedMessage]]:
        """Validate the sections in `table`, and return their values; defaults are validated, but not returned."""
        values: dict[str, Any] = {}
        messages: list[LocatedMessage] = []
        for name, node in table.entries.items():
            if name in self._adapters:
                value, section_messages = validate(self._adapters[name], node, name, partial=partial)
                messages += section_messages
                if name not in self.defaults.values():
                    values[name] = MappingProxyType(value) if isinstance(value, dict) else value
        return MappingProxyType(values), messages
