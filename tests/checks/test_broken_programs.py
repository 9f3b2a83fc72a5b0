"""Programs that die half-way: every command of the shipped expected files, with a broken program in PATH.

What a simulated host would print is what the unbroken programs print, but for those that its scripts run
on files: these are real, on the simulated host's files laid below a folder.
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

from olaudit import engine_process
from olaudit.checker import AnyChecker
from olaudit.checks.fleet.version import COMPOSE
from olaudit.checks.service.probes import SCRIPT as SERVICES
from olaudit.demo.build import build_machine as machine_of
from olaudit.demo.machine import Machine
from olaudit.model import Answered, Command, Probe, Verdict
from tests.checks.fleet_answers import conforming
from tests.checks.tables import written
from tests.demo.auditing import shipped_fleet

BROKEN = {
    "dies at once": "kill -SEGV $$",
    "dies half-way": 'o=$("$REAL" "$@" 2>/dev/null); printf "%.$((${#o} / 2))s" "$o"; kill -SEGV $$',
    "dies in the end": '"$REAL" "$@"; kill -KILL $$',
    "fails with 1": "exit 1",
    "fails with 2": "exit 2",
    "fails with 3": "exit 3",
    "prints nothing": "exit 0",
}

DOCUMENTED = {
    ("cmp", "prints nothing"): "the files are equal",
    ("grep", "fails with 1"): "nothing matches",
    ("head", "prints nothing"): "the file is empty",
}
"""What a program may do, and what that means: no parser can distinguish it from an answer."""

INNER = ("cmp", "docker-compose", "find", "git", "grep", "head", "openssl", "readlink", "sed", "stat", "systemctl")


def _cases() -> Iterator[tuple[str, Command]]:
    """Choose one host for each command that differs in more than its paths, and in what kinds of checks ask it."""
    shapes = set()
    for host in sorted(shipped_fleet().hosts):
        for probe in conforming().probes(host):
            # The search for engines reads the processes of this machine: see tests/transport/test_engine_gate.py.
            if not isinstance(probe, Command) or probe == engine_process.PROBE:
                continue
            checkers = tuple(checker.ids[0].id for checker in conforming().checkers(host, probe))
            shape = (probe.argv[:3], checkers) if probe.argv[0] == "sh" else (probe.argv[0], checkers)
            if conforming().based_on(host, probe) and shape not in shapes:
                shapes.add(shape)
                yield host, probe


CASES = list(_cases())


def _programs(probe: Command) -> list[str]:
    """List the programs of a command that are looked up in PATH."""
    tokens = set(re.findall(r"[a-z][a-z-]*", " ".join(probe.argv[2:]))) if probe.argv[0] == "sh" else set()
    return [probe.argv[0]] if probe.argv[0] != "sh" else sorted(tokens & set(INNER))


@pytest.mark.parametrize(
    ("host", "probe"), CASES, ids=[f"{host}-{n}-{probe.argv[0]}" for n, (host, probe) in enumerate(CASES)]
)
def test_no_check_is_ok_when_a_program_breaks(host: str, probe: Command, tmp_path: Path) -> None:
    fleet = conforming()
    checkers = fleet.checkers(host, probe)
    place = _Place(tmp_path, host, probe)
    unbroken = fleet.evaluate(host, checkers, {probe: place.answer()})
    based = {key for key in fleet.based_on(host, probe) if unbroken.get(key) is Verdict.OK}
    assert based, f"{written(probe)[:200]}: {place.answer()}"
    faults = [fault for program in _programs(probe) for fault in _faults(place, program, checkers, based)]
    assert faults == []


def _faults(
    place: _Place, program: str, checkers: tuple[AnyChecker, ...], based: set[tuple[str, str]]
) -> Iterator[str]:
    for how, script in BROKEN.items():
        used = place.breaks(program, script)
        answer = place.answer()
        place.mends(program)
        after = conforming().evaluate(place.host, checkers, {place.probe: answer})
        still = sorted(key for key in based if after.get(key) is Verdict.OK)
        if still and used.exists() and (program, how) not in DOCUMENTED:
            yield f"{program} {how}: {still[:3]}: {answer}"


class _Place:
    """A folder with the files of a simulated host, good programs in one folder, and broken ones in another."""

    def __init__(self, root: Path, host: str, probe: Command) -> None:
        self.root, self.host, self.probe = root, host, probe
        self.good, self.bad = root / "good", root / "bad"
        self.good.mkdir()
        self.bad.mkdir()
        machine = machine_of(shipped_fleet().hosts[host])
        _lay(machine, root)
        if probe.argv[0] != "sh":
            recorded = conforming().outcomes[host].raw()[probe]
            assert isinstance(recorded, Answered)
            self._prints(probe.argv[0], recorded)
        self._prints("systemctl", Answered("LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"))
        self._prints("docker-compose", Answered('{"Version": "v2.40.1"}\n'))
        plugin = root / "usr/lib/docker/cli-plugins/docker-compose"
        plugin.parent.mkdir(parents=True)
        _script(plugin, 'exec docker-compose "$@"')
        if "--show-cdup" in str(probe.argv):
            _commit(root, probe.argv[-1])

    def _prints(self, program: str, answer: Answered) -> None:
        (self.good / f".{program}").write_text(answer.stdout, encoding="utf-8", newline="")
        errors = f"printf '%s\\n' {shlex.quote(answer.stderr)} >&2\n" if answer.stderr else ""
        _script(self.good / program, f"cat {self.good}/.{program}\n{errors}exit {answer.status}")

    def breaks(self, program: str, script: str) -> Path:
        """Put a broken program before the good one; return the file that shows that it was run."""
        used = self.root / f"used-{program}"
        used.unlink(missing_ok=True)
        real = shutil.which(program, path=f"{self.good}:{os.environ['PATH']}")
        _script(self.bad / program, f"REAL={real}\n: >{used}\n{script}")
        return used

    def mends(self, program: str) -> None:
        (self.bad / program).unlink()

    def answer(self) -> Answered:
        """Run the command, with its paths below the folder; they are not there in what it prints."""
        argv = (
            tuple(self._moved(word) for word in self.probe.argv) if self.probe.argv[0] == "sh" else self.probe.argv
        )
        program = "/bin/dash" if argv[0] == "sh" else argv[0]
        env = {**os.environ, "PATH": f"{self.bad}:{self.good}:{os.environ['PATH']}", "LC_ALL": "C"}
        env["HOME"] = str(self.root)
        command = ["/bin/dash", "-c", '"$@"', "dash", program, *argv[1:]]
        ran = subprocess.run(command, capture_output=True, check=False, env=env, timeout=20, cwd=self.root)
        status = ran.returncode if ran.returncode >= 0 else 128 - ran.returncode
        out, err = (text.decode(errors="replace").replace(str(self.root), "") for text in (ran.stdout, ran.stderr))
        return Answered(out, err.rstrip("\n"), status)

    def _moved(self, word: str) -> str:
        if word == COMPOSE.argv[2]:
            return word.replace(" /usr/", f" {self.root}/usr/")
        if word == SERVICES:
            return word.replace("/run/systemd/system", str(self.root))
        return f"{self.root}{word}" if word.startswith("/") else word


def _script(file: Path, text: str) -> None:
    file.write_text(f"#!/bin/dash\n{text}\n", encoding="utf-8")
    file.chmod(0o755)


def _lay(machine: Machine, root: Path) -> None:
    """Write the files of a simulated machine below `root`."""
    for path, node in sorted(machine.files.nodes.items()):
        file = Path(f"{root}{path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        match node.type:
            case "d":
                file.mkdir(exist_ok=True)
            case "l":
                file.symlink_to(f"{root}{node.text}" if node.text.startswith("/") else node.text)
            case _:
                file.write_text(node.text, encoding="utf-8")
                file.chmod(node.mode)


def _commit(root: Path, tree: str) -> None:
    """Make a repository of a tree, with all that is in it."""
    folder = Path(f"{root}{tree}").resolve()
    shutil.rmtree(folder / ".git", ignore_errors=True)
    me = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for argv in (("init", "-q", "-b", "master"), ("add", "-A"), ("commit", "-q", "--allow-empty", "-m", "Deploy")):
        subprocess.run(("git", *me, "-C", str(folder), *argv), check=True, capture_output=True, timeout=20)


def test_each_script_is_among_the_cases() -> None:
    scripts: set[Probe] = {probe for host in shipped_fleet().hosts for probe in conforming().probes(host)}
    texts = {probe.argv[2] for probe in scripts if isinstance(probe, Command) and probe.argv[0] == "sh"}
    covered = {probe.argv[2] for _, probe in CASES if probe.argv[0] == "sh"}
    assert texts == covered | {engine_process.SCRIPT}
