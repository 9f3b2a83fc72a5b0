"""container.modified: the code inside a running container is that of its image.

Hot patches are lost when the container is created anew: internetarchive/openlibrary#9591, #9107, #8847, #11801.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from olaudit.checks.container import fixes
from olaudit.checks.container.inspect import Container
from olaudit.checks.container.spec import ContainerSpec, Item
from olaudit.model import Answers, ContainerChanges, Result, Unanswered

_SHOWN = 5  # changed files that a message names
_MOST = 50  # and that a finding lists
_WORDS = {0: "changed", 1: "added", 2: "deleted"}

Changes = tuple[tuple[str, str], ...]
"""Paths inside a container, each with what happened to it."""


def probes(spec: tuple[ContainerSpec, ...]) -> tuple[ContainerChanges, ...]:
    """Ask for the changes below the code of all containers at once, if there is any."""
    paths = tuple(sorted({path for one in spec for path in one.code}))
    return (ContainerChanges(paths),) if paths else ()


def read(spec: tuple[ContainerSpec, ...], answers: Answers) -> Mapping[str, Changes | Unanswered] | Unanswered:
    """Read what was changed, by the names of the running containers. Total."""
    for probe in probes(spec):
        answer = answers[probe]
        if isinstance(answer, Unanswered):
            return answer
        try:
            found = json.loads(answer.stdout)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return {name: _changes(rows) for name, rows in found.items()}
        return Unanswered("the Docker Engine's answer about changed files could not be parsed")
    return {}


def _changes(rows: object) -> Changes | Unanswered:
    reason = rows.get("Unreadable") if isinstance(rows, dict) else None
    if isinstance(reason, str):
        return Unanswered(reason)
    if not isinstance(rows, list):
        return Unanswered("the Docker Engine's answer about its changed files could not be parsed")
    found = []
    for row in rows:
        path, kind = (row.get("Path"), row.get("Kind")) if isinstance(row, dict) else (None, None)
        if not isinstance(path, str) or not isinstance(kind, int) or kind not in _WORDS:
            return Unanswered("the Docker Engine's answer about its changed files could not be parsed")
        # JSON can spell half a surrogate pair, which no terminal or file takes
        found.append((path.encode("utf-8", "backslashreplace").decode(), _WORDS[kind]))
    return tuple(found)


def evaluate_changes(
    item: Item, container: Container, changed: Mapping[str, Changes | Unanswered] | Unanswered
) -> Iterator[Result]:
    """Judge a running container; of one that does not run, its state has said what there is to say."""
    if not item.spec.code or not container.running:
        return
    expectation = item.expectation("modified", f"{' and '.join(item.spec.code)} as in its image", "code")
    silent = Unanswered("the Docker Engine did not tell which of its files were changed")
    mine = changed if isinstance(changed, Unanswered) else changed.get(container.name or "", silent)
    if isinstance(mine, Unanswered):
        yield expectation.unknown(mine.reason)
        return
    told = [f"{path} ({what})" for path, what in _of_code(mine, item.spec.code)]
    if not told:
        yield expectation.ok("unchanged")
        return
    shown = ", ".join(told[:_SHOWN]) + (", ..." if len(told) > _SHOWN else "")
    count = "1 file differs" if len(told) == 1 else f"{len(told)} files differ"
    message = f"{count} from its image, and will be lost when it is created anew: {shown}"
    yield expectation.drift("; ".join(told[:_MOST]), message, fixes.recreate(item.spec))


def _of_code(changes: Changes, code: tuple[str, ...]) -> list[tuple[str, str]]:
    """Keep the files below `code`, less what Python itself writes, and the folders above any other change."""
    below = tuple(f"{path}/" for path in code)
    folders = {folder for path, _ in changes for folder in _above(path)}
    return [
        (path, what)
        for path, what in sorted(changes)
        if path.startswith(below) and path not in folders and not _is_bytecode(path)
    ]


def _above(path: str) -> Iterator[str]:
    parts = path.split("/")
    for end in range(2, min(len(parts), 64)):
        yield "/".join(parts[:end])


def _is_bytecode(path: str) -> bool:
    return "__pycache__" in path.split("/") or path.endswith(".pyc")
