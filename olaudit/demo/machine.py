"""Frozen state of a simulated machine: everything that an audit can ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from olaudit.demo.files import Files

Inspect = Mapping[str, Any]
"""A container, as the engine returns it for `GET /containers/ID/json`."""


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """A running process: its name in the kernel and its command line."""

    pid: int
    name: str
    args: str


@dataclass(frozen=True, slots=True)
class Engine:
    """A Docker Engine: its containers, and images that no container uses.

    It accepts API versions from `min_api` to `api`.
    """

    containers: tuple[Inspect, ...] = ()
    images: tuple[str, ...] = ()
    version: str = "28.5.1"
    api: str = "1.51"
    min_api: str = "1.24"


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted file system: free bytes, inodes and free inodes."""

    free: int = 40 << 30
    inodes: int = 6_553_600
    free_inodes: int = 5_000_000


@dataclass(frozen=True, slots=True)
class Machine:
    """A host. `memcached` maps the (address, port) of each server to its limit in bytes.

    `disks` is by mount point, `packages` maps installed packages to versions, and all `services` run.
    `chains` are the active chains of iptables' filter table.
    """

    hostname: str
    files: Files
    processes: tuple[RunningProcess, ...]
    engine: Engine | None
    memcached: Mapping[tuple[str, int], int]
    disks: Mapping[str, Disk] = field(default_factory=lambda: MappingProxyType({"/": Disk()}))
    packages: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    services: frozenset[str] = frozenset()
    chains: tuple[str, ...] = ()

    def with_container(self, name: str, change: Callable[[Inspect], Inspect]) -> Machine:
        """Change the container with that name, if it exists."""
        if self.engine is None:
            return self
        containers = tuple(
            change(container) if container["Name"] == f"/{name}" else container
            for container in self.engine.containers
        )
        return replace(self, engine=replace(self.engine, containers=containers))
