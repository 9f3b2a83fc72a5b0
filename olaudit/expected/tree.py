"""An expected file as a tree in which every value knows where it is written, and the pure things done to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from olaudit.expected.spec import Place
from olaudit.model import SectionPath


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `guess` says what YAML makes of an unquoted text that is not text to it ("a number"), else "".

    `value` is a number or a boolean only where it is spelled as everybody spells it (20.04, true). Of what
    YAML alone reads that way (0644, no, 1_000, 22:22) it is the text as written, and `guess` is kept.
    """

    place: Place
    value: str | int | float | bool
    raw: str
    guess: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping. The place of an entry is the line of its key."""

    place: Place
    entries: Mapping[str, Node]


Node = Scalar | Items | Table


def plain(node: Node) -> Any:
    """Give the tree's values alone, ready for `json.dumps`."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {key: plain(entry) for key, entry in node.entries.items()}


def walk(node: Node, at: SectionPath = ()) -> Iterator[tuple[SectionPath, Node]]:
    """Give each node below `node`, and itself, with the path to it."""
    yield at, node
    for step, child in _children(node):
        yield from walk(child, (*at, step))


def _children(node: Node) -> Iterator[tuple[str | int, Node]]:
    if isinstance(node, Items):
        yield from enumerate(node.items)
    elif isinstance(node, Table):
        yield from node.entries.items()


def locate(node: Node, path: Sequence[str | int]) -> tuple[SectionPath, Node]:
    """Follow `path` as far as it leads, passing over steps that are not in it (a union's tag, a missing key)."""
    at: SectionPath = ()
    for step in path:
        if (child := dict(_children(node)).get(step)) is not None:
            at, node = (*at, step), child
    return at, node


def merge(below: Table, above: Table) -> Table:
    """Lay `above` over `below`: mappings key by key, all else (a scalar over a mapping too) as a whole."""
    laid = {key: _over(below.entries.get(key), entry) for key, entry in above.entries.items()}
    return Table(above.place, {**below.entries, **laid})


def _over(below: Node | None, above: Node) -> Node:
    return merge(below, above) if isinstance(below, Table) and isinstance(above, Table) else above


def fill(table: Table, words: Mapping[str, str]) -> Table:
    """Put words in the place of `{host}` and `{domain}`, in keys and values, and leave all other braces alone."""
    entries = {_filled(key, words): _fill(entry, words) for key, entry in table.entries.items()}
    return Table(table.place, entries)


def _fill(node: Node, words: Mapping[str, str]) -> Node:
    if isinstance(node, Table):
        return fill(node, words)
    if isinstance(node, Items):
        return Items(node.place, tuple(_fill(item, words) for item in node.items))
    value = _filled(node.value, words) if isinstance(node.value, str) else node.value
    return Scalar(node.place, value, node.raw, node.guess)


_BLANK = re.compile(r"(?<![${])\{([a-z_]+)\}(?!\})")


def _filled(text: str, words: Mapping[str, str]) -> str:
    return _BLANK.sub(lambda match: words.get(match[1], match[0]), text)


def blanks(node: Node) -> Iterator[tuple[Place, str]]:
    """Find what looks like `{host}` in the tree's keys and values, whatever the word; not `${x}` or `{{x}}`."""
    for at, child in walk(node):
        key = str(at[-1]) if at else ""
        value = child.raw if isinstance(child, Scalar) else ""
        yield from ((child.place, word) for text in (key, value) for word in _BLANK.findall(text))
