"""Files of a simulated machine: a small tree in memory, with paths resolved as the kernel resolves them."""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, NamedTuple

_MAX_LINKS = 40  # the kernel's limit of links followed in one path: path_resolution(7)


class Account(NamedTuple):
    """A user or group."""

    name: str
    id: int


ROOT = Account("root", 0)
NO_NAME = "UNKNOWN"
"""The name that stat prints for an id without an account."""


@dataclass(frozen=True, slots=True)
class FileNode:
    """A file. `type` is the letter that find prints; `text` is the content of a file or the target of a link."""

    type: Literal["d", "f", "l"]
    text: str = ""
    mode: int = 0o644
    owner: Account = ROOT
    group: Account = ROOT


DIRECTORY = FileNode("d", mode=0o755)


def file(text: str) -> FileNode:
    """Create a file that root owns and all may read."""
    return FileNode("f", text)


def link(target: str) -> FileNode:
    """Create a symbolic link."""
    return FileNode("l", target, mode=0o777)


@dataclass(frozen=True, slots=True)
class Files:
    """A file tree by absolute path. Methods that change it return a new tree."""

    nodes: Mapping[str, FileNode] = field(default_factory=lambda: MappingProxyType({"/": DIRECTORY}))

    def resolve(self, path: str, *, follow: bool = True) -> str:
        """Resolve `path` to a path without links. Raises OSError as the kernel would."""
        current, pending, links = "/", _components(path), 0
        while pending:
            if self.nodes[current].type != "d":
                raise _error(errno.ENOTDIR)
            name = pending.pop()
            child = posixpath.normpath(posixpath.join(current, name))
            node = self.nodes.get(child)
            if node is None:
                raise _error(errno.ENOENT)
            if node.type != "l" or not (pending or follow):
                current = child
                continue
            links += 1
            if links > _MAX_LINKS:
                raise _error(errno.ELOOP)
            pending += _components(node.text)
            current = "/" if node.text.startswith("/") else current
        return current

    def node_at(self, path: str, *, follow: bool = True) -> FileNode:
        """Return the file at `path`. Raises OSError as the kernel would."""
        return self.nodes[self.resolve(path, follow=follow)]

    def exists(self, path: str) -> bool:
        """Return whether `path` resolves to a file."""
        try:
            self.resolve(path)
        except OSError:
            return False
        return True

    def names_in(self, folder: str) -> tuple[str, ...]:
        """List the names in a folder, sorted. Raises OSError as the kernel would."""
        real = self.resolve(folder)
        return tuple(sorted(posixpath.basename(path) for path in self.nodes if _parent(path) == real))

    def canonicalize(self, path: str) -> str:
        """Resolve the part of `path` that exists and keep the rest as written, like `readlink -m`."""
        current, pending, followed = "/", _components(path), set[tuple[str, ...]]()
        while pending:
            child = posixpath.normpath(posixpath.join(current, pending.pop()))
            node = self.nodes.get(child)
            looping = (child, *pending) in followed or len(followed) > _MAX_LINKS
            if node is None or node.type != "l" or looping:
                current = child
                continue
            followed.add((child, *pending))
            pending += _components(node.text)
            current = "/" if node.text.startswith("/") else current
        return current

    def put(self, path: str, node: FileNode) -> Files:
        """Put a file at `path`, replace the previous one, and create missing parent folders."""
        parent = self.canonicalize(posixpath.dirname(path))
        parents = [parent]
        while parents[-1] != "/":
            parents.append(posixpath.dirname(parents[-1]))
        real = posixpath.join(parent, posixpath.basename(path))
        others = self.remove(real).nodes if node.type != "d" else self.nodes
        return replace(
            self, nodes=MappingProxyType(dict.fromkeys(parents, DIRECTORY) | dict(others) | {real: node})
        )

    def remove(self, path: str) -> Files:
        """Remove `path` and all files below it."""
        real = posixpath.join(self.canonicalize(posixpath.dirname(path)), posixpath.basename(path))
        others = {at: node for at, node in self.nodes.items() if at != real and not at.startswith(f"{real}/")}
        return replace(self, nodes=MappingProxyType(others))


def _components(path: str) -> list[str]:
    """Split a path into its names, in reverse order."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _parent(path: str) -> str | None:
    return None if path == "/" else posixpath.dirname(path)


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
