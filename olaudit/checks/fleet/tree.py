"""fleet.tree: all hosts have the same files of openlibrary.

It is an unpacked tarball with a fresh `git init` on each host, so all commits differ. `HEAD^{tree}` is the hash of
the files only.
"""

from __future__ import annotations

from collections.abc import Iterator

from olaudit.checker import Checker
from olaudit.checks.fleet.spec import Agree
from olaudit.checks.fleet.worktrees import head_hash
from olaudit.facts.worktree import worktree
from olaudit.model import Check, Facts, Severity, Vote

# A warning: the site works, but its content depends on the host that serves the request.
CHECK = Check(
    "fleet.tree",
    Severity.WARNING,
    "the host has other files of openlibrary than most hosts",
    "deploy openlibrary to the host of the finding",
)


def vote(spec: Agree, facts: Facts) -> Iterator[Vote]:
    """Vote with the tree of openlibrary."""
    if path := spec.openlibrary:
        expectation = CHECK.expect(path, ("agree", "openlibrary"), based_on=(worktree(path),))
        yield Vote(expectation, "the tree of openlibrary", head_hash(facts, path, lambda tree: tree.tree))


CHECKER = Checker(
    section="agree",
    model=Agree,
    checks=(CHECK,),
    collected="`git rev-parse HEAD^{tree}` on each host",
    facts=lambda spec: (worktree(spec.openlibrary),) if spec.openlibrary else (),
    vote=vote,
)
