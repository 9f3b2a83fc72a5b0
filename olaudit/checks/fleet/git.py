"""fleet.git: all hosts have the same commit of olsystem, which is a real clone on each."""

from __future__ import annotations

from olaudit.checks.fleet.heads import agreeing
from olaudit.checks.fleet.majority import Topic
from olaudit.kind import CheckId
from olaudit.model import Severity

KIND = agreeing(
    # A warning: the host serves, but with the settings of another day.
    CheckId(
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
