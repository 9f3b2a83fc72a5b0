"""No program that a git tree's own configuration names is run on a host: the tree's owner may be anybody."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from olaudit import worktree
from olaudit.model import Unanswered
from tests.checks.tables import run_locally


def git(tree: Path, *argv: str, check: bool = True) -> str:
    me = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    argv = ("git", *me, "-C", str(tree), *argv)
    return subprocess.run(argv, check=check, capture_output=True, env=env, timeout=20, text=True).stdout


def make(tree: Path) -> Path:
    tree.mkdir()
    (tree / "file").write_text("one\n")
    for argv in (("init", "-q", "-b", "master"), ("add", "-A"), ("commit", "-q", "-m", "Deploy")):
        git(tree, *argv)
    return tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make(tmp_path / "tree")


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """Give the file that a program leaves as its trace."""
    return tmp_path / "ran"


def changes(tree: Path) -> tuple[str, ...] | Unanswered:
    found = worktree.parse(run_locally(worktree.probe(str(tree))))
    assert isinstance(found, worktree.Worktree)
    return found.changes


def make_filtered(tree: Path, ran: Path, kind: str = "clean") -> None:
    """Give a file a filter, and let git think that the file may have changed."""
    (tree / ".gitattributes").write_text("*.bin filter=odd\n")
    (tree / "x.bin").write_text("one\n")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "x")
    git(tree, "config", f"filter.odd.{kind}", f"touch {ran}; cat")
    (tree / "x.bin").write_text("two\n")


@pytest.mark.parametrize("kind", ["clean", "process"])
def test_no_filter_of_the_tree_is_run(tree: Path, ran: Path, kind: str) -> None:
    make_filtered(tree, ran, kind)
    found = changes(tree)
    assert isinstance(found, Unanswered)
    assert "filter" in found.reason
    assert not ran.exists()
    git(tree, "status", check=False)
    assert ran.exists(), "git status by itself does run it"


def test_no_filter_of_a_submodule_is_run(tree: Path, ran: Path) -> None:
    make(tree / "sub")
    git(tree, "add", "sub")
    git(tree, "commit", "-q", "-m", "x")
    make_filtered(tree / "sub", ran)
    assert isinstance(changes(tree), Unanswered)
    assert not ran.exists()
    git(tree, "status")
    assert ran.exists(), "git status by itself does run it"


def test_a_filter_that_no_file_has_hides_no_change(tree: Path) -> None:
    git(tree, "config", "filter.lfs.clean", "git-lfs clean -- %f")
    (tree / "file").write_text("patched\n")
    assert changes(tree) == (" M file",)


def test_a_submodule_without_filters_is_looked_into(tree: Path) -> None:
    make(tree / "sub")
    git(tree, "add", "sub")
    git(tree, "commit", "-q", "-m", "x")
    assert changes(tree) == ()
    (tree / "sub/file").write_text("patched\n")
    assert changes(tree) == (" M sub",)


def test_no_remote_is_asked_for_a_missing_object(tree: Path, ran: Path) -> None:
    """The remote of a partial clone may be any program: `ext::`."""
    blob = git(tree, "rev-parse", "HEAD:file").strip()
    (tree / "file").rename(tree / "renamed")
    (tree / "renamed").write_text("one\nmore\n")
    git(tree, "add", "-A")
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::sh -c touch% {ran}",
        "protocol.ext.allow": "always",
    }.items():
        git(tree, "config", key, value)
    (tree / ".git/objects" / blob[:2] / blob[2:]).unlink()
    assert isinstance(changes(tree), Unanswered)
    assert not ran.exists()
    git(tree, "status", check=False)
    assert ran.exists(), "git status by itself does run it"
