"""The recordings that the simulated fleet answers from, and logins to its hosts."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from olaudit.audit import plan, select_checks
from olaudit.checks import CHECKERS
from olaudit.demo.fleet import simulated
from olaudit.demo.present import RECORDED_AT, docker_time, openssl_time, to_present
from olaudit.demo.recorded import NOT_RECORDED, recorded_host
from olaudit.errors import UsageError
from olaudit.model import Command, EngineProbe
from olaudit.transport.ssh.engine_access import DIAL_STDIO_COMMAND
from tests.demo.auditing import shipped_fleet, subset

RECORDINGS = Path(__file__).parents[2] / "olaudit" / "demo" / "recordings"


def test_every_host_of_the_expected_files_is_recorded() -> None:
    assert {file.stem for file in RECORDINGS.iterdir()} == shipped_fleet().hosts.keys()


@pytest.mark.parametrize("name", shipped_fleet().hosts)
def test_recording_answers_the_probes_of_the_host(name: str) -> None:
    host = recorded_host(name)
    probes = plan(shipped_fleet().hosts[name], CHECKERS, select_checks(CHECKERS))
    commands = {probe.argv for probe in probes if isinstance(probe, Command)}
    hint = "run `python -m tests.fleet record` as root"
    assert commands == host.commands.keys(), hint
    assert any(isinstance(probe, EngineProbe) for probe in probes) == (host.engine is not None), hint


def test_recordings_are_small_and_readable() -> None:
    files = list(RECORDINGS.iterdir())
    assert sum(file.stat().st_size for file in files) < 300_000
    assert all(file.read_text(encoding="ascii").count("\n") > 20 for file in files)


def test_host_with_a_longer_name_is_a_copy() -> None:
    assert recorded_host("ol-web1-7") is recorded_host("ol-web1")
    with pytest.raises(UsageError, match="the host ol-nowhere-1 is not recorded"):
        recorded_host("ol-nowhere-1")


def test_times_of_answers_are_relative_to_now() -> None:
    day, now = 86400.0, time.time()
    recorded = f"{RECORDED_AT:.0f}\n{RECORDED_AT:.9f}\n{docker_time(RECORDED_AT - day)} 0001-01-01T00:00:00Z"
    seconds, exact, started, never = to_present(recorded).split()
    assert abs(int(seconds) - now) < 5
    assert abs(float(exact) - now) < 5
    assert docker_time(now - day) <= started <= docker_time(now - day + 5)
    assert never == "0001-01-01T00:00:00Z"
    end = to_present(f"notAfter={openssl_time(RECORDED_AT + 80 * day)}\n")
    assert end in {f"notAfter={openssl_time(now + 80 * day + late)}\n" for late in range(5)}


def _ssh(*command: str) -> subprocess.CompletedProcess[str]:
    if not shutil.which("ssh"):
        pytest.skip("there is no OpenSSH client on this machine")
    with simulated(subset("ol-mem0")) as simulation:
        argv = ["ssh", "-F", str(simulation.ssh_config), "-o", "BatchMode=yes", "ol-mem0", *command]
        return subprocess.run(
            argv, capture_output=True, text=True, check=False, timeout=30, stdin=subprocess.DEVNULL
        )


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("uname -n", "ol-mem0\n"),
        ("head -c 4096 /proc/meminfo", "MemTotal:       10171187 kB\n"),
        ("head -c 65536 -- /etc/memcached.conf", "# memcached default config file\n"),
    ],
)
def test_recorded_command_runs_over_ssh(command: str, output: str) -> None:
    result = _ssh(command)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(output)


@pytest.mark.parametrize("command", ["nosuch", "head /etc/passwd", "sh -c 'reboot'", "echo 'unbalanced"])
def test_command_that_was_not_recorded_is_refused(command: str) -> None:
    result = _ssh(command)
    assert (result.returncode, result.stdout) == (NOT_RECORDED, "")
    assert result.stderr.startswith("not recorded: ")
    assert "`help`" in result.stderr


def test_docker_command_is_missing_without_an_engine() -> None:
    result = _ssh(DIAL_STDIO_COMMAND)
    assert (result.returncode, result.stdout) == (127, "")
    assert "docker: not found" in result.stderr


def test_help_lists_the_recorded_commands() -> None:
    lines = _ssh("help").stdout.splitlines()
    assert "head -c 4096 /proc/meminfo" in lines
    assert all(recorded_host("ol-mem0").run(tuple(shlex.split(line))).status != NOT_RECORDED for line in lines)
