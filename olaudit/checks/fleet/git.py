"""fleet.git: all hosts have the same commit of olsystem, which is a real clone on each."""

from __future__ import annotations

from collections.abc import Iterator

from olaudit.checker import Checker
from olaudit.checks.fleet.spec import Agree
from olaudit.checks.fleet.worktrees import head_hash
from olaudit.facts.worktree import worktree
from olaudit.model import Check, Facts, Severity, Vote

# A warning: the host serves, but with outdated or newer settings.
CHECK = Check(
    "fleet.git",
    Severity.WARNING,
    "the host has another commit of olsystem than most hosts",
    "deploy olsystem to the host of the finding",
)


def vote(spec: Agree, facts: Facts) -> Iterator[Vote]:
    """Vote with the commit of olsystem."""
    if path := spec.olsystem:
        expectation = CHECK.expect(path, ("agree", "olsystem"), based_on=(worktree(path),))
        yield Vote(expectation, "the commit of olsystem", head_hash(facts, path, lambda tree: tree.commit))


CHECKER = Checker(
    section="agree",
    model=Agree,
    checks=(CHECK,),
    collected="`git rev-parse HEAD` on each host",
    facts=lambda spec: (worktree(spec.olsystem),) if spec.olsystem else (),
    vote=vote,
)
