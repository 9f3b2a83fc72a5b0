from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.audit import plan, select_checks
from olaudit.checks import CHECKERS
from olaudit.evidence import describe_probe, manual_command
from olaudit.facts.containers import CONTAINERS
from olaudit.model import Basis, Command, ConnectionProbe, EngineVersion, Fact, ImageLayers, Lookup, Probe
from tests.cli.fleet import UNAME
from tests.demo.auditing import shipped_fleet


def basis(probe: Probe, *keys: str) -> Basis:
    """Build the basis of a fact with that probe."""
    fact: Fact[str] = Fact("x", probe, lambda answer: answer.stdout)
    return fact.about(*keys)


# --- commands to run by hand -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("probe", "command"),
    [
        (Command(("cat", "/etc/memcached.conf")), "ssh ol-mem0 cat /etc/memcached.conf"),
        (Command(("iptables-save",), sudo=True), "ssh ol-mem0 sudo -n iptables-save"),
        (EngineVersion(), "ssh ol-mem0 docker version"),
        (Lookup("ol-mem5.example.org"), "getent ahosts ol-mem5.example.org"),
        (ConnectionProbe.ADDRESS, "ssh -v ol-mem0 true 2>&1 | grep 'Connecting to'"),
        (ImageLayers("i"), "ssh ol-mem0 'docker image inspect --format '\"'\"'{{json .RootFS.Layers}}'\"'\"' i'"),
    ],
)
def test_probe_has_a_manual_command(probe: Probe, command: str) -> None:
    assert manual_command(basis(probe), "ol-mem0") == command


@pytest.mark.parametrize(
    ("keys", "command"),
    [
        (("ol_web_1",), "ssh a docker inspect ol_web_1"),
        (("f" * 64, "ol_web_1"), "ssh a docker inspect ol_web_1"),
        (("ol_web_1", "a_rival"), "ssh a docker inspect ol_web_1"),
        ((), "ssh a docker ps --all"),
        (("$(reboot)",), "ssh a docker ps --all"),
    ],
)
def test_manual_command_has_the_containers_name_on_the_host(keys: tuple[str, ...], command: str) -> None:
    assert manual_command(CONTAINERS.about(*keys), "a") == command


AWKWARD = st.text(st.sampled_from("a '\"\\$`!*%\n\t;&|{}#0é"), max_size=12)


@given(st.lists(AWKWARD, max_size=3))
def test_manual_command_survives_two_shells(arguments: list[str]) -> None:
    argv = ("printf", "<%s>", "x", *arguments)
    command = manual_command(basis(Command(argv)), "host")
    assert "\n" not in command
    ssh = 'ssh() { shift; sh -c "$*"; }\n'  # how ssh joins its arguments
    done = subprocess.run(["/bin/sh", "-c", ssh + command], capture_output=True, text=True, check=True)
    assert done.stdout == "".join(f"<{argument}>" for argument in argv[2:])


def test_description_of_a_probe_omits_scripts() -> None:
    assert describe_probe(Command(("sh", "-c", "one\ntwo", "sh", "a b"))) == "sh -c '...' sh 'a b'"
    assert describe_probe(Command(("cat", "/x"), sudo=True)) == "sudo -n cat /x"
    assert shlex.split(describe_probe(UNAME)) == ["uname"]


def test_every_probe_of_the_shipped_fleet_has_a_one_line_command() -> None:
    for host in shipped_fleet().hosts.values():
        for probe in plan(host, CHECKERS, select_checks(CHECKERS)):
            assert describe_probe(probe).isprintable()
            command = manual_command(basis(probe), host.name)
            assert command.isprintable()
            assert shlex.split(command)
