"""The simulated `sh` answers the scripts that checks send as the real one does."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType

import pytest
from olaudit.worktree import Worktree

from olaudit import worktree
from olaudit.checks.fleet.version import COMPOSE
from olaudit.demo.build import build_machine
from olaudit.demo.commands import run
from olaudit.demo.engine import reply
from olaudit.demo.files import DIRECTORY, Files
from olaudit.demo.machine import Engine, Machine
from olaudit.model import Answered
from tests.demo.auditing import shipped_fleet

_IMAGE = "openlibrary/olbase:latest"


def _machine(*folders: Path) -> Machine:
    files = Files()
    for folder in folders:
        files = files.put(str(folder), DIRECTORY)
    return Machine(hostname="h", files=files, processes=(), engine=None, memcached=MappingProxyType({}))


def _real(argv: tuple[str, ...]) -> Answered:
    done = subprocess.run(argv, capture_output=True, check=False, timeout=20, env={**os.environ, "LC_ALL": "C"})
    return Answered(done.stdout.decode(), done.stderr.decode().rstrip("\n"), done.returncode)


def _git(tree: Path, *argv: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(("git", *identity, "-C", str(tree), *argv), check=True, capture_output=True, timeout=20)


def test_clean_work_tree_is_described_as_by_git(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q", "-b", "master")
    _git(tmp_path, "commit", "-q", "--allow-empty", "-m", "Deploy")
    argv = worktree.probe(str(tmp_path)).argv
    simulated, real = run(_machine(tmp_path, tmp_path / ".git"), argv), _real(argv)
    hashes = re.compile(r"[0-9a-f]{40}")
    assert hashes.sub("HASH", simulated.stdout) == hashes.sub("HASH", real.stdout)
    assert (simulated.stderr, simulated.status) == (real.stderr, real.status)
    tree = worktree.parse(simulated)
    assert isinstance(tree, Worktree)
    assert tree.changes == ()


def test_folder_that_is_no_work_tree_is_described_as_by_git(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        argv = worktree.probe(str(path)).argv
        assert run(_machine(tmp_path), argv) == _real(argv)


def test_compose_is_installed_with_docker() -> None:
    machine = _machine()
    assert run(machine, COMPOSE.argv).status == 1
    assert run(replace(machine, engine=Engine()), COMPOSE.argv) == Answered("2.40.1\n")


@pytest.mark.parametrize("argv", [("sh",), ("sh", "-c", "reboot"), ("sh", "x")])
def test_script_that_no_check_sends_is_not_run(argv: tuple[str, ...]) -> None:
    assert run(_machine(), argv).status == 127


def test_simulated_containers_have_no_changed_files() -> None:
    engine = build_machine(shipped_fleet().hosts["ol-web1"]).engine
    assert engine
    id_ = engine.containers[0]["Id"]
    assert reply(engine, f"/v1.41/containers/{id_}/changes") == (HTTPStatus.OK, None)
    assert reply(engine, "/v1.41/containers/0123/changes")[0] is HTTPStatus.NOT_FOUND


def test_image_has_the_same_layers_on_all_hosts() -> None:
    """An image exists without a container too."""
    replies = []
    for name in ("ol-web1", "ol-dev"):
        engine = build_machine(shipped_fleet().hosts[name]).engine
        assert engine
        replies.append(reply(engine, f"/v1.41/images/{_IMAGE}/json"))
        assert reply(engine, "/v1.41/images/nosuch/json")[0] is HTTPStatus.NOT_FOUND
    assert replies[0] == replies[1]
    assert replies[0][0] is HTTPStatus.OK
