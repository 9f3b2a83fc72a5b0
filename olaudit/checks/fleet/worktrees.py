"""The value of fleet.git and fleet.tree: one hash of the HEAD of a work tree."""

from __future__ import annotations

from collections.abc import Callable

from olaudit.facts.worktree import NoRepository, Worktree, worktree
from olaudit.model import Facts, Unknown, because


def head_hash(facts: Facts, path: str, hash_of: Callable[[Worktree], str]) -> str | Unknown:
    """Return one hash of the work tree at `path`."""
    match facts[worktree(path)]:
        case Unknown() as unknown:
            return because(path, unknown)
        case NoRepository(message):
            return Unknown(f"{path}: {message}")
        case tree:
            return hash_of(tree) or Unknown(f"the repository {path} has no commit yet")
