"""Tests of the wheel: it contains the expected files, package data, metadata and dependencies."""

from __future__ import annotations

import email
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def test_wheel_contains_data_files_licence_and_dependencies(tmp_path: Path) -> None:
    source = tmp_path / "source"
    outside = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, source, symlinks=True, ignore=outside)  # a build writes files into the tree
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        names = set(files.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        headers = email.message_from_bytes(files.read(metadata))
    expected = {
        f"olaudit/shipped/{path.relative_to(ROOT / 'expected')}" for path in ROOT.glob("expected/**/*.yaml")
    }
    assert len(expected) > 15
    assert expected <= names
    monitoring = {path for suffix in ("yaml", "json") for path in ROOT.glob(f"olaudit/monitoring/**/*.{suffix}")}
    monitoring |= set(ROOT.glob("olaudit/monitoring/runbooks/*.md"))
    assert len(monitoring) > 15
    assert {str(path.relative_to(ROOT)) for path in monitoring} <= names
    recordings = {str(path.relative_to(ROOT)) for path in ROOT.glob("olaudit/demo/recordings/*.json")}
    assert len(recordings) == 14
    assert recordings <= names
    assert "olaudit/py.typed" in names
    assert {f"olaudit/render/html/page.{suffix}" for suffix in ("html.j2", "css", "js")} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests/", "reports/", "expected/")) for name in names)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    dependencies = {Requirement(line) for line in headers.get_all("Requires-Dist") or []}
    assert dependencies == {Requirement(line) for line in project["dependencies"]}
