from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from olaudit.checks import git
from olaudit.model import Result
from tests.checks.tables import Row, case, check_locally, check_row, rows, spec_of


@pytest.mark.parametrize("row", rows("git"), ids=case)
def test_recorded_answers_give_the_recorded_results(row: Row) -> None:
    check_row(git.CHECKER, row)


@pytest.mark.parametrize("commit", ["", "master", "0A1B2C3", "0a1b2c", "0a1b2c3; reboot"])
def test_invalid_commit_is_an_error(commit: str) -> None:
    with pytest.raises(ValidationError):
        spec_of(git.CHECKER, {"/opt/olsystem": {"commit": commit}})


# --- on this machine -------------------------------------------------------------------------------------------


def _git(tree: Path, *argv: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(
        ("git", *identity, "-C", str(tree), *argv), check=True, capture_output=True, env=env, timeout=20
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "file.py").write_text("x = 1\n")
    for argv in (("init", "-q", "-b", "master"), ("add", "-A"), ("commit", "-q", "-m", "Deploy")):
        _git(tmp_path, *argv)
    return tmp_path


def _evaluate(tree: Path) -> list[Result]:
    return check_locally(git.CHECKER, {str(tree): {"branch": "master"}})


def _verdicts(tree: Path) -> list[tuple[str, str]]:
    return [(result.check.id, result.verdict.value) for result in _evaluate(tree)]


def test_clean_tree_is_ok(tree: Path) -> None:
    assert _verdicts(tree) == [("git.revision", "ok"), ("git.dirty", "ok")]


def test_hot_patch_is_reported_with_its_files(tree: Path) -> None:
    (tree / "file.py").write_text("x = 2\n")
    (tree / "new.py").write_text("")
    revision, dirty = _evaluate(tree)
    assert (revision.verdict.value, dirty.verdict.value) == ("ok", "drift")
    assert dirty.observed == " M file.py; ?? new.py"


def test_folder_without_a_repository_is_one_finding(tmp_path: Path) -> None:
    assert _verdicts(tmp_path) == [("git.revision", "drift")]


def test_probe_does_not_refresh_the_index_of_a_tree(tree: Path) -> None:
    os.utime(tree / "file.py", (1, 1))  # touched, not changed: a plain `git status` would refresh the index
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*")}
    assert _verdicts(tree) == [("git.revision", "ok"), ("git.dirty", "ok")]
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*")} == before
    _git(tree, "status")
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*")} != before


def test_hooks_that_the_tree_configures_are_not_run(tree: Path) -> None:
    hook, trace = tree / ".git/hook", tree / "trace"
    hook.write_text(f"#!/bin/sh\ntouch {trace}\n")
    hook.chmod(0o755)
    _git(tree, "config", "core.fsmonitor", str(hook))
    assert _verdicts(tree) == [("git.revision", "ok"), ("git.dirty", "ok")]
    assert not trace.exists()
