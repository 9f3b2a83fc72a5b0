from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.checks import CHECKERS
from olaudit.evidence import describe_probe, manual_command, probes_of
from olaudit.model import (
    Answer,
    Answered,
    Command,
    ConnectionProbe,
    ContainerFields,
    EngineVersion,
    Finding,
    ImageLayers,
    Lookup,
    Probe,
)
from tests.cli.fleet import UNAME
from tests.demo.auditing import shipped_fleet
from tests.values import FINDING


def engine(*names: str, **labels: str) -> Answered:
    compose = {f"com.docker.compose.{key.replace('_', '-')}": value for key, value in labels.items()}
    state = {"Status": "running"}
    return Answered(
        json.dumps([{"Name": f"/{name}", "State": state, "Config": {"Labels": compose}} for name in names])
    )


RENAMED = replace(FINDING, check="container.name", subject="ol-web-1", observed="0123456789ab_ol_web_1")


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
    assert manual_command(probe, "ol-mem0", FINDING) == command


@pytest.mark.parametrize(
    ("finding", "answer", "command"),
    [
        (RENAMED, engine("x", "ol_web_1"), "ssh a docker inspect ol_web_1"),
        (RENAMED, None, "ssh a docker inspect 0123456789ab_ol_web_1"),
        (replace(RENAMED, check="container.state", observed="exited"), None, "ssh a docker inspect ol-web-1"),
        (replace(RENAMED, check="container.missing"), None, "ssh a docker ps --all"),
        (RENAMED, engine("x"), "ssh a docker ps --all"),
        (replace(RENAMED, subject="$(reboot)", observed=""), engine("$(reboot)"), "ssh a docker ps --all"),
    ],
)
def test_manual_command_has_the_containers_name_on_the_host(
    finding: Finding, answer: Answer | None, command: str
) -> None:
    assert manual_command(ContainerFields(), "a", finding, answer) == command


AWKWARD = st.text(st.sampled_from("a '\"\\$`!*%\n\t;&|{}#0é"), max_size=12)


@given(st.lists(AWKWARD, max_size=3))
def test_manual_command_survives_two_shells(arguments: list[str]) -> None:
    argv = ("printf", "<%s>", "x", *arguments)
    command = manual_command(Command(argv), "host", FINDING)
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
        for probe in {probe for checker in CHECKERS for probe in probes_of(CHECKERS, host, checker.checks[0].id)}:
            assert describe_probe(probe).isprintable()
            command = manual_command(probe, host.name, FINDING)
            assert command.isprintable()
            assert shlex.split(command)
