"""The pinned development dependencies satisfy pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def test_lock_pins_each_dependency_as_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    lock = (ROOT / "tests" / "requirements.txt").read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([\w.-]+)==([\w.!+-]+)", lock, re.MULTILINE))
    unsatisfied = [
        str(requirement)
        for requirement in map(Requirement, declared)
        if not requirement.specifier.contains(pins.get(canonicalize_name(requirement.name), "0"), prereleases=True)
    ]
    assert unsatisfied == [], "run: tests/lock"


def test_lock_has_a_hash_for_each_pin() -> None:
    lock = (ROOT / "tests" / "requirements.txt").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", lock)
    assert [entry for entry in entries if "==" in entry and "--hash=sha256:" not in entry] == []
