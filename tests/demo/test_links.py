"""Simulated links, copies, cron files and certificates are described as by the real programs of this machine."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from olaudit.checks import certificate, cron, symlink_farm
from olaudit.demo.commands import run
from olaudit.demo.files import DIRECTORY, Account, FileNode, Files, file, link
from olaudit.demo.machine import Machine, RunningProcess
from olaudit.model import Answered
from tests.checks.tables import run_locally, spec_of
from tests.checks.test_certificate import make_certificate

_SAME, _OTHER = file("one\ntwo\n"), file("one\n2\n")
_TREE: dict[str, FileNode] = {
    **{
        f"src/{name}": _SAME
        for name in ("linked", "copied", "changed", "missing", "wrong", "dangling", "taken", ".x")
    },
    "src/folder/inside": _SAME,
    "src/folder/deeper/inside": _SAME,
    "src/gone/inside": _SAME,
    "src/left/out": _SAME,
    "old/folder/inside": _OTHER,
    "old/folder/deeper/inside": _SAME,
    "into/linked": link("../src/linked"),
    "into/copied": _SAME,
    "into/changed": replace(_OTHER, mode=0o666),
    "into/wrong": link("changed"),
    "into/dangling": link("nothing/at/all"),
    "into/folder": link("../old/folder"),
    "into/taken": DIRECTORY,
}


def _machine(files: Files) -> Machine:
    return Machine(hostname="ol-web1", files=files, processes=(), engine=None, memcached=MappingProxyType({}))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Create the tree on this machine and simulate it under the same path."""
    user = Account(pwd.getpwuid(os.geteuid()).pw_name, os.geteuid())
    group = Account(grp.getgrgid(os.getegid()).gr_name, os.getegid())
    files = Files()
    for name, node in _TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if node.type == "d":
            path.mkdir()
        elif node.type == "l":
            path.symlink_to(node.text)
        else:
            path.write_text(node.text, encoding="ascii")
        if node.type != "l":
            path.chmod(node.mode)
        files = files.put(str(path), replace(node, owner=user, group=group))
    return _machine(files)


def _assert_equal(machine: Machine, argv: tuple[str, ...]) -> Answered:
    """Assert that both answers are equal but for the order of lines, and return the simulated one."""
    done = subprocess.run(argv, capture_output=True, check=False, timeout=20, env={**os.environ, "LC_ALL": "C"})
    real = Answered(done.stdout.decode(), done.stderr.decode().rstrip("\n"), done.returncode)
    simulated = run(machine, argv)
    assert (sorted(simulated.stdout.split("//\n")), simulated.status) == (
        sorted(real.stdout.split("//\n")),
        real.status,
    )
    assert simulated.stderr == real.stderr
    return simulated


def test_farm_is_described_as_by_the_script(machine: Machine, tmp_path: Path) -> None:
    section = {"source": f"{tmp_path}/src", "into": f"{tmp_path}/into"}
    for excluded in ([], ["left"], ["le*", "folder/deeper"]):
        output = _assert_equal(
            machine, symlink_farm.farm_probe(spec_of(symlink_farm.CHECKER, {**section, "except": excluded})).argv
        )
        assert ("left/out" in output.stdout) is (excluded == [])
        assert output.stdout.endswith("same 1//\nend//\n")


def test_cron_files_are_described_as_by_the_script(machine: Machine, tmp_path: Path) -> None:
    spec = spec_of(cron.CHECKER, {"source": f"{tmp_path}/src", "into": f"{tmp_path}/into"})
    assert _assert_equal(machine, cron.files_probe(spec).argv).stdout.count("//\n") == 8


def test_empty_tree_is_described_as_by_the_script(machine: Machine, tmp_path: Path) -> None:
    spec = spec_of(symlink_farm.CHECKER, {"source": f"{tmp_path}/into/taken", "into": f"{tmp_path}/into"})
    assert _assert_equal(machine, symlink_farm.farm_probe(spec).argv).stdout == "end//\n"


def test_missing_tree_has_status_1(machine: Machine, tmp_path: Path) -> None:
    section = {"source": f"{tmp_path}/none", "into": f"{tmp_path}/into"}
    for argv in (
        symlink_farm.farm_probe(spec_of(symlink_farm.CHECKER, section)).argv,
        cron.files_probe(spec_of(cron.CHECKER, section)).argv,
    ):
        assert run(machine, argv).status == 1


@pytest.mark.parametrize(
    "pair",
    [
        ("src/copied", "into/copied"),
        ("src/changed", "into/changed"),
        ("src/linked", "into/linked"),
        ("src/missing", "into/missing"),
        ("into/dangling", "src/dangling"),
    ],
)
def test_cmp_compares_as_diffutils_does(machine: Machine, tmp_path: Path, pair: tuple[str, str]) -> None:
    _assert_equal(machine, ("cmp", "--", *(f"{tmp_path}/{name}" for name in pair)))


@pytest.mark.parametrize("arguments", [("-s", "a", "b"), ("--", "a"), ()])
def test_other_arguments_of_cmp_are_unsupported(machine: Machine, arguments: tuple[str, ...]) -> None:
    assert run(machine, ("cmp", *arguments)).status == 127


def test_ps_lists_parents_as_procps_does() -> None:
    processes = (RunningProcess(1, "systemd", "/sbin/init"), RunningProcess(411, "cron", "/usr/sbin/cron -f"))
    output = run(replace(_machine(Files()), processes=processes), cron.DAEMONS.argv)
    real = run_locally(cron.DAEMONS)
    assert isinstance(real, Answered)
    assert [line.split()[:2] for line in output.stdout.splitlines()] == [["1", "0"], ["411", "1"]]
    assert real.stdout.split()[:2] == ["1", "0"]


@pytest.mark.skipif(not Path("/usr/bin/openssl").exists(), reason="there is no openssl on this machine")
def test_certificate_is_described_as_by_find_and_openssl(tmp_path: Path) -> None:
    real = tmp_path / "live/openlibrary.org/fullchain.pem"
    real.parent.mkdir(parents=True)
    created = time.time()
    make_certificate(real, days=30)
    spec = spec_of(certificate.CHECKER, {"folder": {"value": f"{tmp_path}/live", "accept": ["/none"]}, "days": 1})
    argv = certificate.expiry_probe(spec).argv
    end = run_locally(certificate.expiry_probe(spec))
    assert isinstance(end, Answered)
    text, ended = end.stdout.partition("//")[2].split("\n", 1)
    assert ended == f"{tmp_path}/live//end//"
    assert (
        abs(time.mktime(time.strptime(text.strip(), "notAfter=%b %d %H:%M:%S %Y GMT")) - created - 30 * 86400)
        < 90000
    )
    _assert_equal(_machine(Files().put(str(real), file(f"{text}\n"))), argv)
