"""fleet.git: all hosts have the same commit of olsystem, which is a real clone on each."""

from __future__ import annotations

from olaudit.checker import Check
from olaudit.checks.fleet.majority import Topic
from olaudit.checks.fleet.worktrees import agreeing
from olaudit.model import Severity

CHECKER = agreeing(
    # A warning: the host serves, but with the settings of another day.
    Check(
        "fleet.git",
        Severity.WARNING,
        "most other hosts have another commit of olsystem",
        "deploy olsystem to the host that is named",
    ),
    Topic("fleet.git", "the commit of olsystem", ("agree", "olsystem")),
    path_of=lambda agree: agree.olsystem,
    hash_of=lambda found: found.commit,
    collected="`git rev-parse HEAD` on each host; what most hosts say counts",
)
