"""Files inside running containers that differ from their images."""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace

from olaudit.facts.answers import count_at, parse_json, text_at
from olaudit.model import Answered, ContainerChanges, Fact, Unknown

_CHANGE_NAMES: Mapping[int | None, str] = {0: "changed", 1: "added", 2: "deleted"}

FileChanges = tuple[tuple[str, str], ...]
"""Changed files of one container: pairs of a path inside it and "changed", "added" or "deleted"."""


def changes_below(paths: Collection[str]) -> Fact[Mapping[str, FileChanges | Unknown]]:
    """Build the fact of the changed files below `paths`, by the names of the running containers."""
    return Fact("container_changes", ContainerChanges(tuple(sorted(set(paths)))), _parse, _reduce)


def _parse(answer: Answered) -> Mapping[str, FileChanges | Unknown] | Unknown:
    containers = parse_json(answer)
    if not isinstance(containers, dict):
        return Unknown("the Docker Engine's answer about changed files could not be parsed")
    return {name: _parse_rows(rows) for name, rows in containers.items()}


def _parse_rows(rows: object) -> FileChanges | Unknown:
    if (reason := text_at(rows, "Unreadable")) is not None:
        return Unknown(reason)
    entries = rows if isinstance(rows, list) else [rows]
    changes = [(text_at(row, "Path"), _CHANGE_NAMES.get(count_at(row, "Kind"))) for row in entries]
    readable = tuple((path, change) for path, change in changes if path is not None and change)
    if len(readable) < len(changes):
        return Unknown("the Docker Engine's answer about its changed files could not be parsed")
    return readable


def _reduce(answer: Answered, keys: frozenset[str]) -> Answered:
    containers = parse_json(answer)
    if not isinstance(containers, dict) or not keys:
        return answer
    return replace(answer, stdout=json.dumps({name: rows for name, rows in containers.items() if name in keys}))
