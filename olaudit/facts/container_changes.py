"""Files inside running containers that differ from their images."""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace

from olaudit.facts.answers import parse_json
from olaudit.model import Answered, ContainerChanges, Fact, Unknown

_CHANGE_NAMES = {0: "changed", 1: "added", 2: "deleted"}

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
    reason = rows.get("Unreadable") if isinstance(rows, dict) else None
    if isinstance(reason, str):
        return Unknown(reason)
    unparsable = Unknown("the Docker Engine's answer about its changed files could not be parsed")
    if not isinstance(rows, list):
        return unparsable
    changes = []
    for row in rows:
        path, kind = (row.get("Path"), row.get("Kind")) if isinstance(row, dict) else (None, None)
        if not isinstance(path, str) or not isinstance(kind, int) or kind not in _CHANGE_NAMES:
            return unparsable
        # JSON can contain half of a surrogate pair, which no terminal or file accepts
        changes.append((path.encode("utf-8", "backslashreplace").decode(), _CHANGE_NAMES[kind]))
    return tuple(changes)


def _reduce(answer: Answered, keys: frozenset[str]) -> Answered:
    """Keep the containers with these names."""
    containers = parse_json(answer)
    if not isinstance(containers, dict) or not keys:
        return answer
    return replace(answer, stdout=json.dumps({name: rows for name, rows in containers.items() if name in keys}))
