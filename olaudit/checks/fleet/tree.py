"""fleet.tree: all hosts have the same files of openlibrary.

It is an unpacked tarball with a fresh `git init` on each host, so all commits differ. `HEAD^{tree}` is the hash of
the files only.
"""

from __future__ import annotations

from olaudit.checker import Check
from olaudit.checks.fleet.majority import Topic
from olaudit.checks.fleet.worktrees import worktree_checker
from olaudit.model import Severity

CHECKER = worktree_checker(
    # A warning: the site works, but its content depends on the host that serves the request.
    Check(
        "fleet.tree",
        Severity.WARNING,
        "the host has other files of openlibrary than most hosts",
        "deploy openlibrary to the host of the finding",
    ),
    Topic("fleet.tree", "the tree of openlibrary", ("agree", "openlibrary")),
    path_of=lambda agree: agree.openlibrary,
    hash_of=lambda worktree: worktree.tree,
    collected="`git rev-parse HEAD^{tree}` on each host",
)
