"""Checkers of what hosts should have in common, evaluated over all hosts; one module per check id."""

from __future__ import annotations

from typing import Any

from olaudit.checker import FleetChecker
from olaudit.checks.fleet import git, image, tree, version

CHECKERS: tuple[FleetChecker[Any], ...] = (git.CHECKER, tree.CHECKER, image.CHECKER, version.CHECKER)
"""Each checker compares one value, and probes only what the section `agree` names for it."""
