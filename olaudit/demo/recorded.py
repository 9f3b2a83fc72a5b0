"""Recorded answers of a host of the real test fleet, which a simulated host gives.

`python -m tests.fleet record` writes the recordings; each is a file as of `olaudit check --record`.
"""

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Self

from olaudit import recording
from olaudit.demo.present import to_present
from olaudit.errors import UsageError
from olaudit.model import Answered, Answers, Command, ContainerChanges, ImageLayers, Probe

Argv = tuple[str, ...]
Inspect = Mapping[str, Any]
"""A container, as `GET /containers/ID/json` returns it, reduced to the fields that audits record."""

_RECORDINGS = Path(__file__).parent / "recordings"
NOT_RECORDED = 127
"""The exit status of a command that was not recorded: that of a shell for a program that does not exist."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A Docker Engine. `changes` maps containers to their changed files, `layers` images to digests."""

    version: Mapping[str, Any]
    containers: tuple[Inspect, ...]
    changes: Mapping[str, list[Any]] = field(default_factory=dict)
    layers: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordedHost:
    """The answers of one host: to commands, by argument vector, and of its engine, if one runs."""

    commands: Mapping[Argv, Answered]
    engine: Engine | None = None

    def run(self, argv: Argv) -> Answered:
        """Return the recorded answer to a command as if it were recorded now, or `NOT_RECORDED`. Total."""
        answer = self.commands.get(argv)
        if answer is None:
            return Answered("", f"not recorded: {' '.join(argv)}"[:200], NOT_RECORDED)
        return replace(answer, stdout=to_present(answer.stdout))

    def command_lines(self) -> list[str]:
        """List the recorded commands, without scripts."""
        return sorted(shlex.join(argv) for argv in self.commands if "\n" not in "".join(argv))

    def edit(self, program: str, change: Callable[[Argv, str], str], *arguments: str) -> Self:
        """Change the output of the recorded commands of `program` that have all `arguments`."""
        edited = {
            argv: replace(answer, stdout=change(argv, answer.stdout))
            for argv, answer in self.commands.items()
            if argv[0] == program and set(arguments) <= set(argv)
        }
        return replace(self, commands={**self.commands, **edited})

    def edit_container(self, name: str, change: Callable[[Inspect], Inspect]) -> Self:
        """Change the container with that name, if it exists."""
        if self.engine is None:
            return self
        containers = tuple(
            change(container) if container["Name"] == f"/{name}" else container
            for container in self.engine.containers
        )
        return replace(self, engine=replace(self.engine, containers=containers))


def recorded_host(name: str) -> RecordedHost:
    """Return a recorded host. `ol-web1-7`, which is not recorded, answers as ol-web1. Raises UsageError."""
    original = name
    while not (_RECORDINGS / f"{original}.json").is_file():
        original, separator, _ = original.rpartition("-")
        if not separator:
            raise UsageError(f"the host {name} is not recorded in {_RECORDINGS}")
    return _load(original)


@cache
def _load(name: str) -> RecordedHost:
    (host,) = recording.load(_RECORDINGS / f"{name}.json").hosts
    commands: dict[Argv, Answered] = {}
    engine: dict[str, Any] = {}
    for probe, answer in host.outcome.raw().items() if isinstance(host.outcome, Answers) else ():
        if isinstance(answer, Answered):
            if isinstance(probe, Command):
                commands[probe.argv] = answer
            else:
                engine |= _engine_part(probe, json.loads(answer.stdout))
    return RecordedHost(commands, Engine(**engine) if engine else None)


def _engine_part(probe: Probe, document: Any) -> dict[str, Any]:
    """Return the field of `Engine` that the answer to a probe gives."""
    match probe, document:
        case ContainerChanges(), _:
            return {"changes": document}
        case ImageLayers(image), _:
            return {"layers": {image: document}}
        case _, list():
            return {"containers": tuple(document)}
        case _:
            return {"version": document}
