"""Checkers of what hosts should have in common, evaluated over all hosts; one module per check id."""

from __future__ import annotations

from olaudit.checker import Checker
from olaudit.checks.fleet import git, image, tree, version
from olaudit.checks.fleet.spec import Agree

CHECKERS: tuple[Checker[Agree], ...] = (git.CHECKER, tree.CHECKER, image.CHECKER, version.CHECKER)
"""Each checker compares one value, and probes only what the section `agree` names for it."""
