"""Tree of an expected file, in which every value has its place, and pure functions on trees."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from olaudit.expected.spec import Place
from olaudit.model import SectionPath


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `guess` is the type as which YAML reads an unquoted text ("a number"), or "" for text.

    `value` is a number or a boolean only in its usual spelling (20.04, true). For spellings that only YAML reads
    as such (0644, no, 1_000, 22:22), it is the text as written, and `guess` is set.
    """

    place: Place
    value: str | int | float | bool
    raw: str
    guess: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    place: Place
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping. The place of an entry is the line of its key."""

    place: Place
    entries: Mapping[str, "Node"]


Node = Scalar | Items | Table


def plain(node: Node) -> Any:
    """Convert a tree to plain values for `json.dumps`."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {key: plain(entry) for key, entry in node.entries.items()}


def walk(node: Node, path: SectionPath = ()) -> Iterator[tuple[SectionPath, Node]]:
    """Yield `node` and all nodes below it with their paths."""
    yield path, node
    for step, child in _children(node):
        yield from walk(child, (*path, step))


def _children(node: Node) -> Iterator[tuple[str | int, Node]]:
    if isinstance(node, Items):
        yield from enumerate(node.items)
    elif isinstance(node, Table):
        yield from node.entries.items()


def locate(node: Node, path: Sequence[str | int]) -> tuple[SectionPath, Node]:
    """Follow `path` as far as possible, and skip steps that the tree lacks (a tag of a union, a missing key).

    Returns the path that was followed, and its node.
    """
    followed: SectionPath = ()
    for step in path:
        if (child := dict(_children(node)).get(step)) is not None:
            followed, node = (*followed, step), child
    return followed, node


def merge(below: Table, above: Table) -> Table:
    """Merge two mappings: nested mappings key by key; any other entry of `above` replaces that of `below`."""
    merged = {key: _merge_entry(below.entries.get(key), entry) for key, entry in above.entries.items()}
    return Table(above.place, {**below.entries, **merged})


def _merge_entry(below: Node | None, above: Node) -> Node:
    return merge(below, above) if isinstance(below, Table) and isinstance(above, Table) else above


def fill_placeholders(table: Table, values: Mapping[str, str]) -> Table:
    """Replace the placeholders `{NAME}` of `values` in keys and values; other braces are not changed."""
    entries = {_fill_text(key, values): _fill_node(entry, values) for key, entry in table.entries.items()}
    return Table(table.place, entries)


def _fill_node(node: Node, values: Mapping[str, str]) -> Node:
    match node:
        case Table():
            return fill_placeholders(node, values)
        case Items(place, items):
            return Items(place, tuple(_fill_node(item, values) for item in items))
        case Scalar(value=str(text)):
            return replace(node, value=_fill_text(text, values))
        case _:
            return node


_PLACEHOLDER = re.compile(r"(?<![${])\{([a-z_]+)\}(?!\})")


def _fill_text(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def placeholders(node: Node) -> Iterator[tuple[Place, str]]:
    """Yield all placeholders `{NAME}` in keys and values; `${NAME}` and `{{NAME}}` are not placeholders."""
    for path, child in walk(node):
        key = str(path[-1]) if path else ""
        value = child.raw if isinstance(child, Scalar) else ""
        yield from ((child.place, name) for text in (key, value) for name in _PLACEHOLDER.findall(text))
