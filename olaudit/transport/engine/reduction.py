"""Reduction of an engine's answers to what probes request.

Everything else is removed here, such as the environment of containers, which contains passwords. A container that
is listed and could not be read keeps its id, its name and the reason (see `prober`), so that it is not lost.
"""

from collections.abc import Iterable
from typing import Any

from olaudit.transport.engine.decoding import bounded
from olaudit.transport.engine.errors import InvalidAnswer

_VERSION_FIELDS = (
    "Platform",
    "Version",
    "ApiVersion",
    "MinAPIVersion",
    "GitCommit",
    "Os",
    "Arch",
    "KernelVersion",
)
_Tree = dict[str, "_Tree"]
"""Paths of keys by their first key; a path ends at an empty tree."""


def select(document: dict[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """Select `fields` (see `ContainerFields`) of a document. Raises InvalidAnswer for a text that is too long.

    A field that the document lacks stays absent, and so does one in a value that is neither an object nor a list:
    an answer without "Mounts" does not mean that there are no mounts.
    """
    tree: _Tree = {}
    for field in fields:
        inner = tree
        for key in field.split("/"):
            inner = inner.setdefault(key, {})
    selected: dict[str, Any] = bounded(_select(document, tree))
    return selected


def _select(value: Any, tree: _Tree) -> Any:
    if isinstance(value, list):
        return [_select(item, tree) for item in value]
    selected: dict[str, Any] = {}
    for key, inner in tree.items() if isinstance(value, dict) else ():
        prefix = key.removesuffix("*")
        for name in [key] if prefix == key else [name for name in value if name.startswith(prefix)]:
            if not inner and name in value:
                selected[name] = value[name]
            elif isinstance(value.get(name), dict | list):
                selected[name] = _select(value[name], inner)
    return selected


def reduce_version(answer: Any) -> dict[str, Any]:
    """Reduce an answer to `GET /version`. Raises InvalidAnswer where it contains no version."""
    if not isinstance(answer, dict) or not isinstance(answer.get("Version"), str):
        raise InvalidAnswer("Docker's answer could not be parsed: it contains no version")
    return select(answer, _VERSION_FIELDS)


def reduce_changes(answer: Any, prefixes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Reduce an answer to `GET /containers/ID/changes` to paths that begin with a prefix. Raises InvalidAnswer."""
    if answer is None:  # what engines send instead of an empty list
        return []
    if not isinstance(answer, list):
        raise InvalidAnswer("Docker's answer could not be parsed: no list of changed files")
    changes = []
    for row in answer:
        path, kind = (row.get("Path"), row.get("Kind")) if isinstance(row, dict) else (None, None)
        if not isinstance(path, str) or isinstance(kind, bool) or kind not in (0, 1, 2):
            raise InvalidAnswer("Docker's answer could not be parsed: no list of changed files")
        if path.startswith(prefixes):
            changes.append({"Path": bounded(path), "Kind": kind})
    return changes
