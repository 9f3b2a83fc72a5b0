"""Parsing of YAML text into a tree. Unquoted text that only YAML reads as another type stays text, and is marked.

Anchors, aliases, merge keys and tags are rejected: they would give a value two places, and a reader of one file
could not see the expected state of a host. Hosts share values through roles.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from olaudit.expected.problems import Problems
from olaudit.expected.spec import Place
from olaudit.expected.tree import Items, Node, Scalar, Table

_MAX_DEPTH = 32
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_RESOLVER: Any = yaml.resolver.Resolver()
_GUESSES = {"int": "a number", "float": "a number", "null": "nothing", "merge": "a merge key"}
_NO_ANCHORS = "anchors, aliases and merge keys are not supported: share values through a role"


class _RejectedError(Exception):
    """An error after which parsing cannot continue. Its problem has already been added."""


def parse(file: str, text: str, problems: Problems) -> Node | None:
    """Parse the text of `file`. None if it is invalid; then its problems are added to `problems`."""
    try:
        return _Parser(file, text, problems).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"invalid YAML: {error.problem or error.context}"
        if error.context and error.context_mark and error.problem:
            message += f" ({error.context} that starts on line {error.context_mark.line + 1})"
        problems.add(Place(file, mark.line + 1 if mark else 1), message)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.add(Place(file, line), "control characters are not allowed")
    except _RejectedError:
        pass
    return None


class _Parser:
    """Recursive parser of the events of one document."""

    def __init__(self, file: str, text: str, problems: Problems) -> None:
        self._file = file
        self._problems = problems
        self._events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        self._next: yaml.Event = next(self._events)
        self._valid = True

    def document(self) -> Node:
        self._take()
        if isinstance(self._next, yaml.StreamEndEvent):
            self._reject(Place(self._file, 1), "this file is empty")
        self._take()
        node = self._node(None, 0)
        self._take()
        if not isinstance(self._next, yaml.StreamEndEvent):
            self._reject(self._place(), "a second document starts here: a file must contain one document")
        if not self._valid:
            raise _RejectedError
        return node

    def _take(self) -> yaml.Event:
        taken, self._next = self._next, next(self._events, self._next)
        return taken

    def _place(self) -> Place:
        return Place(self._file, getattr(self._next.start_mark, "line", 0) + 1)

    def _reject(self, place: Place, message: str) -> None:
        self._problems.add(place, message)
        raise _RejectedError

    def _node(self, place: Place | None, depth: int) -> Node:
        node_place = place or self._place()
        event = self._take()
        if depth > _MAX_DEPTH:
            self._reject(node_place, f"nested more than {_MAX_DEPTH} levels deep")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self._note(node_place, _NO_ANCHORS)
        if getattr(event, "tag", None):
            self._note(node_place, "YAML tags (words that start with '!') are not supported: remove the tag")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(node_place, depth + 1)
        if isinstance(event, yaml.MappingStartEvent):
            return self._table(node_place, depth + 1)
        return self._scalar(event, node_place)

    def _note(self, place: Place, message: str) -> None:
        """Add a problem and continue, so that further problems are reported; the parsed tree is not used."""
        self._valid = False
        self._problems.add(place, message)

    def _items(self, place: Place, depth: int) -> Items:
        items: list[Node] = []
        while not isinstance(self._next, yaml.SequenceEndEvent):
            items.append(self._node(None, depth))
        self._take()
        return Items(place, tuple(items))

    def _table(self, place: Place, depth: int) -> Table:
        entries: dict[str, Node] = {}
        while not isinstance(self._next, yaml.MappingEndEvent):
            key = self._node(None, depth)
            entry = self._node(key.place, depth)
            if (name := self._key(key)) is None:
                continue
            if name in entries:
                first = entries[name].place.line
                self._problems.add(key.place, f"duplicate key {name!r}: the first is on line {first}")
            else:
                entries[name] = entry
        self._take()
        return Table(place, entries)

    def _key(self, key: Node) -> str | None:
        if not isinstance(key, Scalar) or not key.raw:
            self._note(key.place, "a key must be non-empty text")
            return None
        if key.raw == "<<" and key.guess:
            self._note(key.place, _NO_ANCHORS)
        elif key.guess:
            self._problems.add(key.place, misread_message(key))
        return key.raw

    def _scalar(self, event: yaml.Event, place: Place) -> Scalar:
        """Build a scalar from its event; an alias, which has already been rejected, becomes an empty one."""
        raw: str = getattr(event, "value", "")
        if _CONTROL_CHARACTER.search(raw):
            self._note(place, "control characters are not allowed")
        if not getattr(event, "implicit", (False,))[0]:
            return Scalar(place, raw, raw)
        return Scalar(place, *_interpret(raw))


def _interpret(raw: str) -> tuple[str | int | float | bool, str, str]:
    """Return the value of an unquoted text, the text, and the type that YAML reads it as."""
    tag = str(_RESOLVER.resolve(yaml.ScalarNode, raw, (True, False)))  # also of dates, which are text here
    match tag.rpartition(":")[2]:
        case "int" if _DECIMAL.fullmatch(raw):
            return int(raw), raw, "a number"
        case "float" if _DECIMAL.fullmatch(raw):
            return float(raw), raw, "a number"
        case "bool" if raw in {"true", "false"}:
            return raw == "true", raw, raw
        case "bool":
            return raw, raw, "false" if raw.lower() in {"no", "off", "false"} else "true"
        case other:
            return raw, raw, _GUESSES.get(other, "")


def misread_message(scalar: Scalar) -> str:
    """Format the message for an unquoted text that YAML does not read as text."""
    if not scalar.raw:
        return "missing value: write one, or remove the key"
    return f'YAML reads {scalar.raw} as {scalar.guess}: write it in quotes, "{scalar.raw}"'
