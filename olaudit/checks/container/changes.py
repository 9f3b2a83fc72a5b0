"""container.modified: the code inside a running container is that of its image.

Hot patches are lost when the container is recreated: internetarchive/openlibrary#9591, #9107, #8847, #11801.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from olaudit.checks.container import fixes
from olaudit.checks.container.inspect import Container
from olaudit.checks.container.spec import ContainerItem, ContainerSpec
from olaudit.model import Answers, ContainerChanges, Result, Unanswered

_MESSAGE_LIMIT = 5  # changed files named in a message
_OBSERVED_LIMIT = 50  # changed files listed in a finding
_CHANGE_NAMES = {0: "changed", 1: "added", 2: "deleted"}

FileChanges = tuple[tuple[str, str], ...]
"""Changed files of one container: pairs of a path inside it and a value of `_CHANGE_NAMES`."""


def probes(spec: tuple[ContainerSpec, ...]) -> tuple[ContainerChanges, ...]:
    """Return one probe for the changes below the code of all containers, or none where no code is expected."""
    paths = tuple(sorted({path for container in spec for path in container.code}))
    return (ContainerChanges(paths),) if paths else ()


def parse_changes(
    spec: tuple[ContainerSpec, ...], answers: Answers
) -> Mapping[str, FileChanges | Unanswered] | Unanswered:
    """Parse the changed files, by the names of the running containers. Total."""
    for probe in probes(spec):
        answer = answers[probe]
        if isinstance(answer, Unanswered):
            return answer
        try:
            containers = json.loads(answer.stdout)
        except (ValueError, RecursionError):
            containers = None
        if isinstance(containers, dict):
            return {name: _parse_rows(rows) for name, rows in containers.items()}
        return Unanswered("the Docker Engine's answer about changed files could not be parsed")
    return {}


def _parse_rows(rows: object) -> FileChanges | Unanswered:
    reason = rows.get("Unreadable") if isinstance(rows, dict) else None
    if isinstance(reason, str):
        return Unanswered(reason)
    if not isinstance(rows, list):
        return Unanswered("the Docker Engine's answer about its changed files could not be parsed")
    changes = []
    for row in rows:
        path, kind = (row.get("Path"), row.get("Kind")) if isinstance(row, dict) else (None, None)
        if not isinstance(path, str) or not isinstance(kind, int) or kind not in _CHANGE_NAMES:
            return Unanswered("the Docker Engine's answer about its changed files could not be parsed")
        # JSON can contain half of a surrogate pair, which no terminal or file accepts
        changes.append((path.encode("utf-8", "backslashreplace").decode(), _CHANGE_NAMES[kind]))
    return tuple(changes)


def evaluate_changes(
    item: ContainerItem, container: Container, changed: Mapping[str, FileChanges | Unanswered] | Unanswered
) -> Iterator[Result]:
    """Evaluate the code of a running container. A stopped container is covered by container.state."""
    if not item.spec.code or not container.running:
        return
    expectation = item.expectation("modified", f"{' and '.join(item.spec.code)} as in its image", "code")
    not_returned = Unanswered("the Docker Engine did not return its changed files")
    changes = changed if isinstance(changed, Unanswered) else changed.get(container.name or "", not_returned)
    if isinstance(changes, Unanswered):
        yield expectation.unknown(changes.reason)
        return
    files = [f"{path} ({change})" for path, change in _code_changes(changes, item.spec.code)]
    if not files:
        yield expectation.ok("unchanged")
        return
    shown = ", ".join(files[:_MESSAGE_LIMIT]) + (", ..." if len(files) > _MESSAGE_LIMIT else "")
    count = "1 file differs" if len(files) == 1 else f"{len(files)} files differ"
    message = f"{count} from its image and will be lost when the container is recreated: {shown}"
    yield expectation.drift("; ".join(files[:_OBSERVED_LIMIT]), message, fixes.recreate(item.spec))


def _code_changes(changes: FileChanges, code: tuple[str, ...]) -> list[tuple[str, str]]:
    """Select the changes below `code`, except Python's bytecode and the parent folders of other changes."""
    below = tuple(f"{path}/" for path in code)
    folders = {folder for path, _ in changes for folder in _parents(path)}
    return [
        (path, change)
        for path, change in sorted(changes)
        if path.startswith(below) and path not in folders and not _is_bytecode(path)
    ]


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")
    for end in range(2, min(len(parts), 64)):
        yield "/".join(parts[:end])


def _is_bytecode(path: str) -> bool:
    return "__pycache__" in path.split("/") or path.endswith(".pyc")
