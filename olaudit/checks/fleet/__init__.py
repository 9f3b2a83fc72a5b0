"""What all hosts should have in common, judged over all of their answers: one module per check id."""

from __future__ import annotations

from typing import Any

from olaudit.checks.fleet import git, image, tree, version
from olaudit.kind import FleetKind

KINDS: tuple[FleetKind[Any], ...] = (git.KIND, tree.KIND, image.KIND, version.KIND)
"""Each compares one thing, and each is asked for what the section `agree` names of it."""
