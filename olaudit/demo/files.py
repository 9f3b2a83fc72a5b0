"""The files of a simulated machine: a small tree in memory that is walked as the kernel walks one."""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, NamedTuple

_MAX_LINKS = 40  # what the kernel follows before it gives up: path_resolution(7)


class Account(NamedTuple):
    """A user or group."""

    name: str
    id: int


ROOT = Account("root", 0)
NO_NAME = "UNKNOWN"
"""The name of an account that has none: stat's word for it."""


@dataclass(frozen=True, slots=True)
class Node:
    """One file. `type` is find's letter for it; `text` is a file's content, or what a link says."""

    type: Literal["d", "f", "l"]
    text: str = ""
    mode: int = 0o644
    owner: Account = ROOT
    group: Account = ROOT


DIRECTORY = Node("d", mode=0o755)


def file(text: str) -> Node:
    """Make a file of root's that all may read."""
    return Node("f", text)


def link(target: str) -> Node:
    """Make a symbolic link."""
    return Node("l", target, mode=0o777)


@dataclass(frozen=True, slots=True)
class Files:
    """A whole tree, by absolute path. What changes it gives a new one."""

    nodes: Mapping[str, Node] = field(default_factory=lambda: MappingProxyType({"/": DIRECTORY}))

    def resolve(self, path: str, *, follow: bool = True) -> str:
        """Find what `path` leads to, as a path without links. Raises OSError as the kernel would."""
        here, waiting, links = "/", _components(path), 0
        while waiting:
            if self.nodes[here].type != "d":
                raise _error(errno.ENOTDIR)
            name = waiting.pop()
            there = posixpath.normpath(posixpath.join(here, name))
            node = self.nodes.get(there)
            if node is None:
                raise _error(errno.ENOENT)
            if node.type != "l" or not (waiting or follow):
                here = there
                continue
            links += 1
            if links > _MAX_LINKS:
                raise _error(errno.ELOOP)
            waiting += _components(node.text)
            here = "/" if node.text.startswith("/") else here
        return here

    def node_at(self, path: str, *, follow: bool = True) -> Node:
        """Give the file at `path`. Raises OSError as the kernel would."""
        return self.nodes[self.resolve(path, follow=follow)]

    def exists(self, path: str) -> bool:
        """Say whether `path` leads to anything."""
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
        """Resolve `path` as far as there is anything, and take the rest as it is written: `readlink -m`."""
        here, waiting, seen = "/", _components(path), set[tuple[str, ...]]()
        while waiting:
            there = posixpath.normpath(posixpath.join(here, waiting.pop()))
            node = self.nodes.get(there)
            if node is None or node.type != "l" or (there, *waiting) in seen or len(seen) > _MAX_LINKS:
                here = there
                continue
            seen.add((there, *waiting))
            waiting += _components(node.text)
            here = "/" if node.text.startswith("/") else here
        return here

    def put(self, path: str, node: Node) -> Files:
        """Put a file where `path` leads to, instead of what is there, and make the folders above it."""
        parent = self.canonicalize(posixpath.dirname(path))
        above = [parent]
        while above[-1] != "/":
            above.append(posixpath.dirname(above[-1]))
        real = posixpath.join(parent, posixpath.basename(path))
        kept = self.remove(real).nodes if node.type != "d" else self.nodes
        return replace(self, nodes=MappingProxyType(dict.fromkeys(above, DIRECTORY) | dict(kept) | {real: node}))

    def remove(self, path: str) -> Files:
        """Take away what is at `path`, and all below it."""
        real = posixpath.join(self.canonicalize(posixpath.dirname(path)), posixpath.basename(path))
        kept = {at: node for at, node in self.nodes.items() if at != real and not at.startswith(f"{real}/")}
        return replace(self, nodes=MappingProxyType(kept))


def _components(path: str) -> list[str]:
    """Give the names on the way, the first one last."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _parent(path: str) -> str | None:
    return None if path == "/" else posixpath.dirname(path)


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
