from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from olaudit.checks import git
from olaudit.model import Answer, Answers, Result
from tests.checks.tables import Row, case, check_row, rows, run_locally, spec_of


@pytest.mark.parametrize("row", rows("git"), ids=case)
def test_recorded_answers_are_judged_as_recorded(row: Row) -> None:
    check_row(git.CHECKER, row)


@pytest.mark.parametrize("commit", ["", "master", "0A1B2C3", "0a1b2c", "0a1b2c3; reboot"])
def test_what_is_no_commit_is_an_error(commit: str) -> None:
    with pytest.raises(ValidationError):
        spec_of(git.CHECKER, {"/opt/olsystem": {"commit": commit}})


# --- on this machine -------------------------------------------------------------------------------------------


def _git(tree: Path, *argv: str) -> None:
    me = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(("git", *me, "-C", str(tree), *argv), check=True, capture_output=True, env=env, timeout=20)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "file.py").write_text("x = 1\n")
    for argv in (("init", "-q", "-b", "master"), ("add", "-A"), ("commit", "-q", "-m", "Deploy")):
        _git(tmp_path, *argv)
    return tmp_path


def _judged(tree: Path, answer: Answer | None = None) -> list[Result]:
    spec = spec_of(git.CHECKER, {str(tree): {"branch": "master"}})
    return list(git.evaluate(spec, Answers({probe: answer or run_locally(probe) for probe in git.probes(spec)})))


def _told(judged: list[Result]) -> list[tuple[str, str]]:
    return [(result.check, result.verdict.value) for result in judged]


def test_a_clean_tree_of_this_machine_is_ok(tree: Path) -> None:
    assert _told(_judged(tree)) == [("git.revision", "ok"), ("git.dirty", "ok")]


def test_a_hot_patch_on_this_machine_is_seen_by_its_files(tree: Path) -> None:
    (tree / "file.py").write_text("x = 2\n")
    (tree / "new.py").write_text("")
    revision, dirty = _judged(tree)
    assert (revision.verdict.value, dirty.verdict.value) == ("ok", "drift")
    assert dirty.observed == " M file.py; ?? new.py"


def test_a_folder_on_this_machine_that_is_no_repository_is_one_finding(tmp_path: Path) -> None:
    assert _told(_judged(tmp_path)) == [("git.revision", "drift")]


def test_looking_at_a_tree_writes_nothing_even_where_git_would_refresh_its_index(tree: Path) -> None:
    os.utime(tree / "file.py", (1, 1))  # touched, not changed: `git status` alone writes that down in the index
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*")}
    assert _told(_judged(tree)) == [("git.revision", "ok"), ("git.dirty", "ok")]
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*")} == before
    _git(tree, "status")
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*")} != before


def test_the_trees_own_configuration_runs_no_hook_of_it(tree: Path) -> None:
    hook, trace = tree / ".git/hook", tree / "trace"
    hook.write_text(f"#!/bin/sh\ntouch {trace}\n")
    hook.chmod(0o755)
    _git(tree, "config", "core.fsmonitor", str(hook))
    assert _told(_judged(tree)) == [("git.revision", "ok"), ("git.dirty", "ok")]
    assert not trace.exists()
