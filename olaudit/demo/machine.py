"""A simulated machine: everything about a host that an audit could ask for, as a frozen value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from olaudit.demo.files import Files

Inspect = Mapping[str, Any]
"""One container, as the engine's `GET /containers/ID/json` gives it."""


@dataclass(frozen=True, slots=True)
class Process:
    """A running program: its name as the kernel keeps it, and its command line."""

    pid: int
    name: str
    args: str


@dataclass(frozen=True, slots=True)
class Engine:
    """A Docker Engine and its containers. It answers API versions from `least_api` to `api`."""

    containers: tuple[Inspect, ...] = ()
    version: str = "28.5.1"
    api: str = "1.51"
    least_api: str = "1.24"


@dataclass(frozen=True, slots=True)
class Machine:
    """One host. `memcached` maps where one listens (address, port) to its limit in bytes."""

    hostname: str
    files: Files
    processes: tuple[Process, ...]
    engine: Engine | None
    memcached: Mapping[tuple[str, int], int]

    def with_container(self, name: str, change: Callable[[Inspect], Inspect]) -> Machine:
        """Change the container of that name; where there is none, nothing."""
        if self.engine is None:
            return self
        changed = tuple(change(one) if one["Name"] == f"/{name}" else one for one in self.engine.containers)
        return replace(self, engine=replace(self.engine, containers=changed))
