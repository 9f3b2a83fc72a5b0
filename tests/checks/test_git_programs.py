"""The probe runs no program from the configuration of a git tree, because any user may own the tree."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from olaudit.facts.worktree import Worktree, worktree
from olaudit.model import Answers, Facts, Unknown
from tests.checks.tables import run_locally


def git(tree: Path, *argv: str, check: bool = True) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    argv = ("git", *identity, "-C", str(tree), *argv)
    return subprocess.run(argv, check=check, capture_output=True, env=env, timeout=20, text=True).stdout


def create_repository(tree: Path) -> Path:
    tree.mkdir()
    (tree / "file").write_text("one\n")
    for argv in (("init", "-q", "-b", "master"), ("add", "-A"), ("commit", "-q", "-m", "Deploy")):
        git(tree, *argv)
    return tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return create_repository(tmp_path / "tree")


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Return the file that a program creates when it runs."""
    return tmp_path / "trace"


def changes(tree: Path) -> tuple[str, ...] | Unknown:
    fact = worktree(str(tree))
    observed = Facts(Answers({fact.probe: run_locally(fact.probe)}))[fact]
    assert isinstance(observed, Worktree)
    return observed.changes


def add_filter(tree: Path, trace: Path, kind: str = "clean") -> None:
    """Add a file with a filter, and change it so that git status would run the filter."""
    (tree / ".gitattributes").write_text("*.bin filter=odd\n")
    (tree / "x.bin").write_text("one\n")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "x")
    git(tree, "config", f"filter.odd.{kind}", f"touch {trace}; cat")
    (tree / "x.bin").write_text("two\n")


@pytest.mark.parametrize("kind", ["clean", "process"])
def test_filters_of_the_tree_are_not_run(tree: Path, trace: Path, kind: str) -> None:
    add_filter(tree, trace, kind)
    unknown = changes(tree)
    assert isinstance(unknown, Unknown)
    assert "filter" in unknown.reason
    assert not trace.exists()
    git(tree, "status", check=False)
    assert trace.exists(), "a plain git status runs it"


def test_filters_of_a_submodule_are_not_run(tree: Path, trace: Path) -> None:
    create_repository(tree / "sub")
    git(tree, "add", "sub")
    git(tree, "commit", "-q", "-m", "x")
    add_filter(tree / "sub", trace)
    assert isinstance(changes(tree), Unknown)
    assert not trace.exists()
    git(tree, "status")
    assert trace.exists(), "a plain git status runs it"


def test_filter_without_files_hides_no_change(tree: Path) -> None:
    git(tree, "config", "filter.lfs.clean", "git-lfs clean -- %f")
    (tree / "file").write_text("patched\n")
    assert changes(tree) == (" M file",)


def test_changes_of_a_submodule_without_filters_are_found(tree: Path) -> None:
    create_repository(tree / "sub")
    git(tree, "add", "sub")
    git(tree, "commit", "-q", "-m", "x")
    assert changes(tree) == ()
    (tree / "sub/file").write_text("patched\n")
    assert changes(tree) == (" M sub",)


def test_missing_objects_are_not_fetched_from_a_remote(tree: Path, trace: Path) -> None:
    """The remote of a partial clone may run any program (`ext::`)."""
    blob = git(tree, "rev-parse", "HEAD:file").strip()
    (tree / "file").rename(tree / "renamed")
    (tree / "renamed").write_text("one\nmore\n")
    git(tree, "add", "-A")
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::sh -c touch% {trace}",
        "protocol.ext.allow": "always",
    }.items():
        git(tree, "config", key, value)
    (tree / ".git/objects" / blob[:2] / blob[2:]).unlink()
    assert isinstance(changes(tree), Unknown)
    assert not trace.exists()
    git(tree, "status", check=False)
    assert trace.exists(), "a plain git status runs it"
