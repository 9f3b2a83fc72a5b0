"""fleet.tree: all hosts have the same files of openlibrary.

It is an unpacked tarball with a fresh `git init` on each host, so commits differ everywhere; `HEAD^{tree}` is the
hash of the files alone.
"""

from __future__ import annotations

from olaudit.checker import Check
from olaudit.checks.fleet.majority import Topic
from olaudit.checks.fleet.worktrees import agreeing
from olaudit.model import Severity

CHECKER = agreeing(
    # A warning: what users see depends on the host that they happen to reach, but they see it.
    Check(
        "fleet.tree",
        Severity.WARNING,
        "most other hosts have other files of openlibrary",
        "deploy openlibrary to the host that is named",
    ),
    Topic("fleet.tree", "the tree of openlibrary", ("agree", "openlibrary")),
    path_of=lambda agree: agree.openlibrary,
    hash_of=lambda found: found.tree,
    collected="`git rev-parse HEAD^{tree}` on each host; what most hosts say counts",
)
