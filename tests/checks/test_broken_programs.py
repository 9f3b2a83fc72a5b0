"""Broken programs: every command of the shipped expected files, with a broken program in PATH.

A program prints the recorded output of a host. The programs that scripts run on files are real; they run on the
files that the hosts of the real test fleet deploy, written below a temporary folder.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from olaudit.checker import AnyChecker
from olaudit.facts import engines
from olaudit.facts.services import SCRIPT as SERVICES
from olaudit.facts.versions import COMPOSE_SCRIPT
from olaudit.model import Answered, Command, Probe, Verdict
from tests.checks.fleet_answers import conforming
from tests.checks.tables import command_line
from tests.demo.auditing import shipped_fleet
from tests.fleet import deploys

BROKEN = {
    "dies immediately": "kill -SEGV $$",
    "dies midway": 'o=$("$REAL" "$@" 2>/dev/null); printf "%.$((${#o} / 2))s" "$o"; kill -SEGV $$',
    "dies at the end": '"$REAL" "$@"; kill -KILL $$',
    "fails with 1": "exit 1",
    "fails with 2": "exit 2",
    "fails with 3": "exit 3",
    "prints nothing": "exit 0",
}

DOCUMENTED = {
    ("cmp", "prints nothing"): "the files are equal",
    ("grep", "fails with 1"): "no line matches",
    ("head", "prints nothing"): "the file is empty",
}
"""Documented behaviour with its meaning: no parser can distinguish it from a correct answer."""

INNER = ("cmp", "docker-compose", "find", "git", "grep", "head", "openssl", "readlink", "sed", "stat", "systemctl")


def _cases() -> Iterator[tuple[str, Command]]:
    """Choose one host for each command; commands with the same program or script and checkers are equal."""
    shapes = set()
    for host in sorted(shipped_fleet().hosts):
        for probe in conforming().probes(host):
            # The engine search reads the processes of this machine: see tests/transport/test_engine_gate.py.
            if not isinstance(probe, Command) or probe == engines.PROBE:
                continue
            checkers = tuple(checker.checks[0].id for checker in conforming().checkers(host, probe))
            shape = (probe.argv[:3], checkers) if probe.argv[0] == "sh" else (probe.argv[0], checkers)
            if conforming().dependent_results(host, probe) and shape not in shapes:
                shapes.add(shape)
                yield host, probe


CASES = list(_cases())


def _programs(probe: Command) -> list[str]:
    """Return the programs that a command runs from PATH."""
    tokens = set(re.findall(r"[a-z][a-z-]*", " ".join(probe.argv[2:]))) if probe.argv[0] == "sh" else set()
    return [probe.argv[0]] if probe.argv[0] != "sh" else sorted(tokens & set(INNER))


@pytest.mark.parametrize(
    ("host", "probe"), CASES, ids=[f"{host}-{n}-{probe.argv[0]}" for n, (host, probe) in enumerate(CASES)]
)
def test_no_check_is_ok_when_a_program_breaks(host: str, probe: Command, tmp_path: Path) -> None:
    fleet = conforming()
    checkers = fleet.checkers(host, probe)
    sandbox = _Sandbox(tmp_path, host, probe)
    unbroken = fleet.evaluate(host, checkers, {probe: sandbox.answer()})
    dependent = {key for key in fleet.dependent_results(host, probe) if unbroken.get(key) is Verdict.OK}
    assert dependent, f"{command_line(probe)[:200]}: {sandbox.answer()}"
    faults = [
        fault for program in _programs(probe) for fault in _find_faults(sandbox, program, checkers, dependent)
    ]
    assert faults == []


def _find_faults(
    sandbox: _Sandbox, program: str, checkers: tuple[AnyChecker, ...], dependent: set[tuple[str, str]]
) -> Iterator[str]:
    for failure, script in BROKEN.items():
        used = sandbox.break_program(program, script)
        answer = sandbox.answer()
        sandbox.repair_program(program)
        after = conforming().evaluate(sandbox.host, checkers, {sandbox.probe: answer})
        still_ok = sorted(key for key in dependent if after.get(key) is Verdict.OK)
        if still_ok and used.exists() and (program, failure) not in DOCUMENTED:
            yield f"{program} {failure}: {still_ok[:3]}: {answer}"


class _Sandbox:
    """A folder with the files of a host, a folder of working programs and a folder of broken ones."""

    def __init__(self, root: Path, host: str, probe: Command) -> None:
        self.root, self.host, self.probe = root, host, probe
        self.good, self.bad = root / "good", root / "bad"
        self.good.mkdir()
        self.bad.mkdir()
        _write_files(root)
        if probe.argv[0] != "sh":
            recorded = conforming().outcomes[host].raw()[probe]
            assert isinstance(recorded, Answered)
            self._install(probe.argv[0], recorded)
        self._install("systemctl", Answered("LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"))
        self._install("docker-compose", Answered('{"Version": "v2.40.1"}\n'))
        plugin = root / "usr/lib/docker/cli-plugins/docker-compose"
        plugin.parent.mkdir(parents=True)
        _write_script(plugin, 'exec docker-compose "$@"')

    def _install(self, program: str, answer: Answered) -> None:
        (self.good / f".{program}").write_text(answer.stdout, encoding="utf-8", newline="")
        errors = f"printf '%s\\n' {shlex.quote(answer.stderr)} >&2\n" if answer.stderr else ""
        _write_script(self.good / program, f"/bin/cat {self.good}/.{program}\n{errors}exit {answer.status}")

    def break_program(self, program: str, script: str) -> Path:
        """Install a broken program before the working one; return the file that its run creates."""
        used = self.root / f"used-{program}"
        used.unlink(missing_ok=True)
        real = shutil.which(program, path=f"{self.good}:{os.environ['PATH']}")
        _write_script(self.bad / program, f"REAL={real}\n: >{used}\n{script}")
        return used

    def repair_program(self, program: str) -> None:
        (self.bad / program).unlink()

    def answer(self) -> Answered:
        """Run the command on the paths below the folder, and remove the folder from the paths in its output."""
        argv = (
            tuple(self._relocate(word) for word in self.probe.argv)
            if self.probe.argv[0] == "sh"
            else self.probe.argv
        )
        program = "/bin/dash" if argv[0] == "sh" else argv[0]
        env = {**os.environ, "PATH": f"{self.bad}:{self.good}:{os.environ['PATH']}", "LC_ALL": "C"}
        env["HOME"] = str(self.root)
        command = ["/bin/dash", "-c", '"$@"', "dash", program, *argv[1:]]
        process = subprocess.run(command, capture_output=True, check=False, env=env, timeout=20, cwd=self.root)
        status = process.returncode if process.returncode >= 0 else 128 - process.returncode
        stdout, stderr = (
            text.decode(errors="replace").replace(str(self.root), "") for text in (process.stdout, process.stderr)
        )
        return Answered(stdout, stderr.rstrip("\n"), status)

    def _relocate(self, word: str) -> str:
        if word == COMPOSE_SCRIPT:
            return word.replace(" /usr/", f" {self.root}/usr/")
        if word == SERVICES:
            return word.replace("/run/systemd/system", str(self.root))
        return f"{self.root}{word}" if word.startswith("/") else word


def _write_script(file: Path, text: str) -> None:
    file.write_text(f"#!/bin/dash\n{text}\n", encoding="utf-8")
    file.chmod(0o755)


def _write_files(root: Path) -> None:
    """Write the deployed files below `root`, with links that stay below it."""
    deploys.build(root)
    for path in root.rglob("*"):
        if path.is_symlink() and str(target := path.readlink()).startswith("/opt/"):
            path.unlink()
            path.symlink_to(f"{root}{target}")


def test_cases_contain_each_script() -> None:
    scripts: set[Probe] = {probe for host in shipped_fleet().hosts for probe in conforming().probes(host)}
    texts = {probe.argv[2] for probe in scripts if isinstance(probe, Command) and probe.argv[0] == "sh"}
    covered = {probe.argv[2] for _, probe in CASES if probe.argv[0] == "sh"}
    assert texts == covered | {engines.SCRIPT}
