"""Simulated firewall, searches and names agree with the real programs of this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from olaudit.checks import dns, firewall, postgres
from olaudit.demo.commands import run
from olaudit.demo.files import DIRECTORY, FileNode, Files, file, link
from olaudit.demo.listener import ADDRESS
from olaudit.demo.machine import Machine
from olaudit.demo.network import StaticDnsTransport, dns_records
from olaudit.model import Answered, Answers, Command, ConnectionProbe, Lookup, Probe
from olaudit.transport import Deadline
from tests.checks.tables import spec_of
from tests.demo.auditing import shipped_fleet

_TREE: dict[str, FileNode] = {
    "hosts": file("10.0.0.1 ol-mem30\n10.0.0.2 OL-MEM3.example.org ol-mem4\n"),
    "etc": DIRECTORY,
    "etc/deep": DIRECTORY,
    "etc/deep/many": file("x ol-mem3\n" * 30),
    "etc/pg_hba.conf": file("# one\n\nlocal all all peer\n"),
    "etc/linked": link("../hosts"),
    "other": DIRECTORY,
    "other/pg_hba.conf": link("../etc/pg_hba.conf"),
}


def machine(files: Files) -> Machine:
    return Machine(hostname="ol-web1", files=files, processes=(), engine=None, memcached=MappingProxyType({}))


def real(argv: tuple[str, ...]) -> Answered:
    done = subprocess.run(
        argv, capture_output=True, check=False, timeout=20, text=True, env={**os.environ, "LC_ALL": "C"}
    )
    return Answered(done.stdout, done.stderr.rstrip("\n"), done.returncode)


@pytest.fixture
def twin(tmp_path: Path) -> Machine:
    """Create the files on this machine and simulate them under the same path."""
    files = Files()
    for name, node in _TREE.items():
        path = tmp_path / name
        if node.type == "d":
            path.mkdir()
        elif node.type == "l":
            path.symlink_to(node.text)
        else:
            path.write_text(node.text)
        files = files.put(str(path), node)
    return machine(files)


def assert_equal(twin: Machine, argv: tuple[str, ...]) -> None:
    """Assert that both answers are equal but for the order of lines, which grep does not define."""
    simulated, expected = (
        replace(answer, stdout="".join(sorted(answer.stdout.splitlines(keepends=True))))
        for answer in (run(twin, argv), real(argv))
    )
    assert simulated == expected


@pytest.mark.parametrize(
    "searched", [("hosts",), ("etc",), ("etc/linked", "hosts"), ("other",), ("gone", "hosts")]
)
def test_grep_finds_words_as_the_real_program_does(
    twin: Machine, tmp_path: Path, searched: tuple[str, ...]
) -> None:
    section = {"names": ["ol-mem3", "ol-mem4"], "files": [f"{tmp_path}/{name}" for name in searched]}
    (probe,) = dns.RETIRED.probes(spec_of(dns.RETIRED, section))
    assert isinstance(probe, Command)
    assert_equal(twin, probe.argv)


@pytest.mark.parametrize("folder", ["", "/etc", "/other", "/etc/deep", "/gone"])
def test_grep_finds_files_by_name_as_the_real_program_does(twin: Machine, tmp_path: Path, folder: str) -> None:
    (probe,) = postgres.probes(spec_of(postgres.CHECKER, {"hba": f"{tmp_path}{folder}", "clients": []}))
    assert isinstance(probe, Command)
    assert_equal(twin, probe.argv)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("iptables"), reason="needs root and iptables")
def test_iptables_lists_chains_as_the_real_program_does() -> None:
    set_up = "iptables -w -N DOCKER-USER && iptables -w -A FORWARD -j DOCKER-USER && "
    save = "iptables -w -A DOCKER-USER -j RETURN && exec iptables-save"
    answer = real(("unshare", "-n", "sh", "-c", set_up + save))
    if answer.status:
        pytest.skip(f"cannot create a network namespace: {answer.stderr}")
    lines = "".join(line for line in answer.stdout.splitlines(keepends=True) if not line.startswith("#"))
    assert run(replace(machine(Files()), chains=("DOCKER-USER",)), ("iptables-save",)).stdout == lines


@pytest.mark.parametrize(
    "argv",
    [
        ("iptables", "-L"),
        ("iptables-save", "-c"),
        ("grep", "x", "/etc/hosts"),
        ("grep", "-r", "-e", "x", "--", "/etc"),
    ],
)
def test_unsupported_arguments_count_as_a_missing_program(argv: tuple[str, ...]) -> None:
    assert run(machine(Files()), argv).status == 127


def test_firewall_without_its_chains_is_drift() -> None:
    spec = spec_of(firewall.CHECKER, {"ferm": "/etc/f", "source": "/srv/f", "chains": ["DOCKER-USER"]})
    target = machine(Files().put("/etc/f", file("x\n")).put("/srv/f", file("y\n")))
    answers = Answers({probe: run(target, probe.argv) for probe in firewall.probes(spec)})
    assert [result.observed for result in firewall.evaluate(spec, answers)] == ["differs from line 1 on", "absent"]


class _HostNameTransport:
    """Transport that answers each probe with the name of the host."""

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:  # noqa: ARG002 - unused
        return Answers(dict.fromkeys(probes, Answered(host)))

    def close(self) -> None:
        raise KeyError


def test_only_names_of_the_fleet_resolve() -> None:
    transport = StaticDnsTransport(_HostNameTransport(), dns_records(shipped_fleet()))
    current, retired = Lookup("ol-mem0.us.archive.org"), Lookup("ol-mem5.us.archive.org")
    answers = transport.ask("ol-mem0", (current, retired, ConnectionProbe.ADDRESS), Deadline.after(1))
    assert answers[ConnectionProbe.ADDRESS] == Answered("ol-mem0")
    assert answers[retired] == Answered(json.dumps({"addresses": [], "names": {}}))
    answer = answers[current]
    assert isinstance(answer, Answered)
    assert json.loads(answer.stdout)["addresses"] == [ADDRESS]
    assert current.name in json.loads(answer.stdout)["names"][ADDRESS]
    with pytest.raises(KeyError):
        transport.close()
