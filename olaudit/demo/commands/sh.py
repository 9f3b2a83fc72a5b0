"""`sh -c SCRIPT sh ARGUMENT...` for the scripts that checks send, each recognised by its text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from olaudit.checks import cron, symlink_farm
from olaudit.checks.service.probes import SCRIPT as SERVICES
from olaudit.demo.commands import linked
from olaudit.demo.commands.engines import engines
from olaudit.demo.commands.output import Unsupported
from olaudit.demo.commands.services import services
from olaudit.demo.machine import Machine
from olaudit.facts.engines import ENGINES
from olaudit.facts.versions import COMPOSE
from olaudit.facts.worktree import worktree
from olaudit.model import Answered, Command, Fact

Script = Callable[[Machine, tuple[str, ...]], Answered]

_COMMIT = "4d1c7b2f0a9e8d6c5b4a39281706f5e4d3c2b1a0"
_TREE = "9f8e7d6c5b4a39281706f5e4d3c2b1a04d1c7b2f"


def _git(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Describe a clean work tree. All are at the same commit, because checks compare hosts, not repositories."""
    (path,) = arguments
    if not machine.files.exists(path):
        return Answered("failed\n", f"fatal: cannot change to '{path}': No such file or directory")
    if not machine.files.exists(f"{path}/.git"):
        return Answered("failed\n", "fatal: not a git repository (or any of the parent directories): .git")
    return Answered(f"whole\n{_COMMIT}\n{_TREE}\nmaster\nend 0\n")


def _compose(machine: Machine, _arguments: tuple[str, ...]) -> Answered:
    """Print the version of Compose on machines with Docker."""
    if machine.engine is None:
        return Answered("", "sh: 8: docker-compose: not found", 1)
    return Answered("2.40.1\n")


def _script(fact: Fact[Any]) -> str:
    """Return the script that a fact sends."""
    return fact.probe.argv[2] if isinstance(fact.probe, Command) else ""


_SCRIPTS: Mapping[str, Script] = MappingProxyType(
    {
        _script(worktree("/")): _git,
        _script(ENGINES): engines,
        _script(COMPOSE): _compose,
        symlink_farm.SCRIPT: linked.farm,
        cron.SCRIPT: linked.cron,
        SERVICES: services,
    }
)


def sh(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Run a script."""
    match arguments:
        case ("-c", script, *rest) if script in _SCRIPTS:
            return _SCRIPTS[script](machine, tuple(rest[1:]))
        case _:
            raise Unsupported
