"""YAML text to a tree, without YAML's guesses: what is not spelled plainly is kept as written, and marked.

Anchors, aliases, merge keys and tags are refused: they would give a value two places, and a reader of one file
could not see what a host should be. What several hosts share is a role.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from olaudit.expected.problems import Problems
from olaudit.expected.spec import Place
from olaudit.expected.tree import Items, Node, Scalar, Table

_DEEPEST = 32
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?")
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_GUESSES = {"int": "a number", "float": "a number", "null": "nothing", "merge": "a merge key"}
_SHARE = "anchors, aliases and merge keys are not used here: share values through a role"


class _RefusedError(Exception):
    """Raised on what a file cannot be read past. The fault is noted already."""


def parse(file: str, text: str, faults: Problems) -> Node | None:
    """Read the text of `file`. None if there is nothing to go on; what is wrong is added to `faults`."""
    try:
        return _Parser(file, text, faults).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"this is not YAML: {error.problem or error.context}"
        if error.context and error.context_mark and error.problem:
            message += f" ({error.context} that starts on line {error.context_mark.line + 1})"
        faults.add(Place(file, mark.line + 1 if mark else 1), message)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        faults.add(Place(file, line), "control characters cannot be used here")
    except _RefusedError:
        pass
    return None


class _Parser:
    """Descends through the events of one document."""

    def __init__(self, file: str, text: str, faults: Problems) -> None:
        self._file = file
        self._faults = faults
        self._events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        self._next: yaml.Event = next(self._events)
        self._sound = True

    def document(self) -> Node:
        self._take()
        if isinstance(self._next, yaml.StreamEndEvent):
            self._refuse(Place(self._file, 1), "this file is empty")
        self._take()
        node = self._node(None, 0)
        self._take()
        if not isinstance(self._next, yaml.StreamEndEvent):
            self._refuse(self._place(), "a second document starts here: one file holds one")
        if not self._sound:
            raise _RefusedError
        return node

    def _take(self) -> yaml.Event:
        taken, self._next = self._next, next(self._events, self._next)
        return taken

    def _place(self) -> Place:
        return Place(self._file, getattr(self._next.start_mark, "line", 0) + 1)

    def _refuse(self, place: Place, message: str) -> None:
        self._faults.add(place, message)
        raise _RefusedError

    def _node(self, place: Place | None, depth: int) -> Node:
        here = place or self._place()
        event = self._take()
        if depth > _DEEPEST:
            self._refuse(here, f"this is nested more than {_DEEPEST} deep")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self._note(here, _SHARE)
        if getattr(event, "tag", None):
            self._note(here, "YAML's tags (words that start with '!') are not used here: leave it out")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(here, depth + 1)
        if isinstance(event, yaml.MappingStartEvent):
            return self._table(here, depth + 1)
        return self._scalar(event, here)

    def _note(self, place: Place, message: str) -> None:
        """Go on reading, for the sake of what else is wrong, but do not use what was read."""
        self._sound = False
        self._faults.add(place, message)

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
                self._faults.add(key.place, f"{name!r} is written twice: the first is on line {first}")
            else:
                entries[name] = entry
        self._take()
        return Table(place, entries)

    def _key(self, key: Node) -> str | None:
        if not isinstance(key, Scalar) or not key.raw:
            self._note(key.place, "a key must be text, and not empty")
            return None
        if key.raw == "<<" and key.guess:
            self._note(key.place, _SHARE)
        elif key.guess:
            self._faults.add(key.place, misread(key))
        return key.raw

    def _scalar(self, event: yaml.Event, place: Place) -> Scalar:
        """Make a scalar of its event; an alias, refused already, is an empty one."""
        raw: str = getattr(event, "value", "")
        if _UNFIT.search(raw):
            self._note(place, "control characters cannot be used here")
        if not getattr(event, "implicit", (False,))[0]:
            return Scalar(place, raw, raw)
        return Scalar(place, *_read(raw))


def _read(raw: str) -> tuple[str | int | float | bool, str, str]:
    """Give an unquoted text's value, the text, and what YAML takes it for."""
    match _tag(raw):
        case "int" if _DECIMAL.fullmatch(raw):
            return int(raw), raw, "a number"
        case "float" if _DECIMAL.fullmatch(raw):
            return float(raw), raw, "a number"
        case "bool" if raw in {"true", "false"}:
            return raw == "true", raw, raw
        case "bool":
            return raw, raw, "false" if raw.lower() in {"no", "off", "false"} else "true"
        case tag:
            return raw, raw, _GUESSES.get(tag, "")


def _tag(raw: str) -> str:
    """Name the type that YAML guesses for an unquoted text; dates, which are text to us, too."""
    for tag, pattern in yaml.SafeLoader.yaml_implicit_resolvers.get(raw[:1], ()):
        if pattern.match(raw):
            return str(tag).rpartition(":")[2]
    return "str"


def misread(scalar: Scalar) -> str:
    """Say what YAML makes of an unquoted text, and how to keep it text."""
    if not scalar.raw:
        return "there is no value here: write one, or leave the key out"
    return f'{scalar.raw} is read as {scalar.guess} by YAML: write it in quotes, "{scalar.raw}"'
