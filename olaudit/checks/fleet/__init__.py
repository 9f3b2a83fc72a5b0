"""What all hosts should have in common, judged over all of their answers: one module per check id."""

from __future__ import annotations

from typing import Any

from olaudit.checker import FleetChecker
from olaudit.checks.fleet import git, image, tree, version

CHECKERS: tuple[FleetChecker[Any], ...] = (git.CHECKER, tree.CHECKER, image.CHECKER, version.CHECKER)
"""Each compares one thing, and each is asked for what the section `agree` names of it."""
