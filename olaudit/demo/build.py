"""From what a host should be to a machine that is exactly so."""

from __future__ import annotations

import hashlib
import posixpath
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from olaudit.checks.container.spec import ContainerSpec
from olaudit.checks.memcached.spec import MemcachedSpec
from olaudit.checks.path.spec import PathSpec, is_glob
from olaudit.checks.symlink import SymlinkSpec
from olaudit.demo.containers import container
from olaudit.demo.files import DIRECTORY, NOBODY, ROOT, Account, Files, Node, file, link
from olaudit.demo.machine import Engine, Machine, Process
from olaudit.expected import HostSpec
from olaudit.language import Expect, Presence, parse_size

MEMORY_KB = int(9.7 * 1024 * 1024)
"""The page's own example of a memcached host: "if the machine has 9.7GB"."""

_UP_SECONDS = 21 * 86400.0
_SOMEBODY = 1000  # the id of every user and group that is not root
_MIB = 1 << 20

Builder = Callable[[Machine, Any], Machine]


def conforming(host: HostSpec) -> Machine:
    """Make a machine that is as expected in all sections that are known here; others leave it as it is."""
    meminfo = f"MemTotal:       {MEMORY_KB:8d} kB\nMemFree:          300000 kB\n"
    machine = Machine(
        hostname=host.name,
        files=Files().put("/etc", DIRECTORY).put("/proc/meminfo", replace(file(meminfo), mode=0o444)),
        processes=(Process(1, "systemd", "/sbin/init"),),
        engine=None,
        memcached=MappingProxyType({}),
    )
    for section, build in _BUILDERS.items():
        if section in host.sections:
            machine = build(machine, host.sections[section])
    return machine


def _hostname(machine: Machine, spec: Expect[str]) -> Machine:
    return replace(machine, hostname=spec.value)


def _docker(machine: Machine, spec: str) -> Machine:
    if spec != "required":
        return machine
    daemon = Process(812, "dockerd", "/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock")
    return replace(machine, engine=Engine(), processes=(*machine.processes, daemon))


def _containers(machine: Machine, spec: tuple[ContainerSpec, ...]) -> Machine:
    started = time.time() - _UP_SECONDS
    made = tuple(container(machine.hostname, one, started) for one in spec if one.presence is Presence.REQUIRED)
    return replace(machine, engine=replace(machine.engine or Engine(), containers=made))


# --- files -----------------------------------------------------------------------------------------------------


def _symlinks(machine: Machine, spec: Mapping[str, SymlinkSpec]) -> Machine:
    files = machine.files
    for path, rule in spec.items():
        commit = hashlib.sha256(path.encode()).hexdigest()[:40]
        target = rule.target.value.replace("<commit>", commit)
        files = files.put(target, DIRECTORY).put(path, link(target))
    return replace(machine, files=files)


def _paths(machine: Machine, spec: Mapping[str, PathSpec]) -> Machine:
    """Make what must be there, the folders above before what is in them; what a link leads to is there already."""
    files = machine.files
    for path, rule in sorted(spec.items()):
        if rule.presence is Presence.REQUIRED:
            real = files.would_be(_example(path) if is_glob(path) else path)
            files = files.put(real, _node(rule, files.nodes.get(real)))
    return replace(machine, files=files)


def _example(glob: str) -> str:
    """Give a path that matches `glob`."""
    folder, name = posixpath.split(glob)
    return posixpath.join(folder, re.sub(r"\[(.)[^]]*\]|[*?]", lambda found: found[1] or "x", name))


def _node(rule: PathSpec, there: Node | None) -> Node:
    kind = rule.type or (there.type if there else "directory")
    node = DIRECTORY if kind in ("directory", "d") else file("simulated\n")
    mode = int(rule.mode, 8) if rule.mode else node.mode
    return replace(node, mode=mode, owner=_account(rule.owner), group=_account(rule.group))


def _account(name: str | None) -> Account:
    if name in (None, "root", "0"):
        return ROOT
    return Account(NOBODY, int(name)) if name.isdigit() else Account(name, _SOMEBODY)


# --- memcached -------------------------------------------------------------------------------------------------


def _memcached(machine: Machine, spec: MemcachedSpec) -> Machine:
    """Leave about 300 MB to the system, as the page does, or the least that the rule allows."""
    total = MEMORY_KB << 10
    least, most = parse_size(spec.reserve.least), parse_size(spec.reserve.most)
    round_ = (total - least) // (100 * _MIB) * 100
    return with_memcached(machine, spec, round_ if total - round_ * _MIB <= most else (total - least) // _MIB)


def with_memcached(machine: Machine, spec: MemcachedSpec, mib: int) -> Machine:
    """Run memcached with `-m` of that many MiB, in its configuration, its process and its server."""
    options = (f"-m {mib}", f"-p {spec.port}", "-u memcache", f"-l {spec.address}")
    config = "\n".join(("# memcached default config file", "-d", "logfile /var/log/memcached.log", *options, ""))
    return replace(
        machine,
        files=machine.files.put(spec.config, file(config)),
        processes=(
            *(one for one in machine.processes if one.name != "memcached"),
            Process(
                640, "memcached", f"/usr/bin/memcached {' '.join(options)} -P /var/run/memcached/memcached.pid"
            ),
        ),
        memcached=MappingProxyType({(spec.address, spec.port): mib * _MIB}),
    )


_BUILDERS: Mapping[str, Builder] = MappingProxyType(
    {
        "hostname": _hostname,
        "docker": _docker,
        "containers": _containers,
        "symlinks": _symlinks,
        "paths": _paths,
        "memcached": _memcached,
    }
)
