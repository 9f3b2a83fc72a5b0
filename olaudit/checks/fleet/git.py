"""fleet.git: all hosts have the same commit of olsystem, which is a real clone on each."""

from __future__ import annotations

from olaudit.checker import Check
from olaudit.checks.fleet.majority import Topic
from olaudit.checks.fleet.worktrees import worktree_checker
from olaudit.model import Severity

CHECKER = worktree_checker(
    # A warning: the host serves, but with outdated or newer settings.
    Check(
        "fleet.git",
        Severity.WARNING,
        "the host has another commit of olsystem than most hosts",
        "deploy olsystem to the host of the finding",
    ),
    Topic("fleet.git", "the commit of olsystem", ("agree", "olsystem")),
    path_of=lambda agree: agree.olsystem,
    hash_of=lambda worktree: worktree.commit,
    collected="`git rev-parse HEAD` on each host",
)
