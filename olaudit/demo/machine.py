"""A simulated machine: everything about a host that an audit could ask for, as a frozen value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
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
    """A Docker Engine, its containers, and the images that it has without one.

    It answers API versions from `least_api` to `api`.
    """

    containers: tuple[Inspect, ...] = ()
    images: tuple[str, ...] = ()
    version: str = "28.5.1"
    api: str = "1.51"
    min_api: str = "1.24"


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted file system: what is free on it in bytes, and its inodes."""

    free: int = 40 << 30
    inodes: int = 6_553_600
    free_inodes: int = 5_000_000


@dataclass(frozen=True, slots=True)
class Machine:
    """One host. `memcached` maps where one listens (address, port) to its limit in bytes.

    `disks` is by mount point, `packages` maps installed ones to their versions, and of `services` all run.
    `chains` are those of iptables' filter table that are in force.
    """

    hostname: str
    files: Files
    processes: tuple[Process, ...]
    engine: Engine | None
    memcached: Mapping[tuple[str, int], int]
    disks: Mapping[str, Disk] = field(default_factory=lambda: MappingProxyType({"/": Disk()}))
    packages: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    services: frozenset[str] = frozenset()
    chains: tuple[str, ...] = ()

    def with_container(self, name: str, change: Callable[[Inspect], Inspect]) -> Machine:
        """Change the container of that name; where there is none, nothing."""
        if self.engine is None:
            return self
        changed = tuple(change(one) if one["Name"] == f"/{name}" else one for one in self.engine.containers)
        return replace(self, engine=replace(self.engine, containers=changed))
