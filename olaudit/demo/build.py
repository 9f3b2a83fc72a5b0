"""Construction of simulated machines that conform to their expected state."""

from __future__ import annotations

import hashlib
import posixpath
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from olaudit.checks.certificate import CertificatesSpec
from olaudit.checks.container.spec import ContainerSpec
from olaudit.checks.cron import CronSpec
from olaudit.checks.fleet.spec import Agree
from olaudit.checks.memcached import MemcachedSpec
from olaudit.checks.path.spec import PathSpec, is_glob
from olaudit.checks.symlink import SymlinkSpec
from olaudit.checks.symlink_farm import SymlinkFarmSpec
from olaudit.demo import network, system
from olaudit.demo.containers import build_container
from olaudit.demo.files import DIRECTORY, NO_NAME, ROOT, Account, FileNode, Files, file, link
from olaudit.demo.machine import Engine, Machine, RunningProcess
from olaudit.expected import HostSpec
from olaudit.language import Expect, Presence, parse_size

MEMORY_KB = int(9.7 * 1024 * 1024)
"""The wiki page's example of a memcached host: "if the machine has 9.7GB"."""

_UP_SECONDS = 21 * 86400.0
_USER_ID = 1000  # the id of every user and group that is not root
_MIB = 1 << 20

Builder = Callable[[Machine, Any], Machine]


def build_machine(host: HostSpec) -> Machine:
    """Build a machine that conforms to all sections that have a builder; other sections change nothing."""
    meminfo = f"MemTotal:       {MEMORY_KB:8d} kB\nMemFree:          300000 kB\n"
    machine = Machine(
        hostname=host.name,
        files=Files().put("/etc", DIRECTORY).put("/proc/meminfo", replace(file(meminfo), mode=0o444)),
        processes=(RunningProcess(1, "systemd", "/sbin/init"),),
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
    daemon = RunningProcess(
        812, "dockerd", "/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock"
    )
    return replace(machine, engine=Engine(), processes=(*machine.processes, daemon))


def _containers(machine: Machine, spec: tuple[ContainerSpec, ...]) -> Machine:
    started = time.time() - _UP_SECONDS
    required = (container for container in spec if container.presence is Presence.REQUIRED)
    containers = tuple(build_container(machine.hostname, container, started) for container in required)
    return replace(machine, engine=replace(machine.engine or Engine(), containers=containers))


# --- files -----------------------------------------------------------------------------------------------------


def _symlinks(machine: Machine, spec: Mapping[str, SymlinkSpec]) -> Machine:
    files = machine.files
    for path, rule in spec.items():
        commit = hashlib.sha256(path.encode()).hexdigest()[:40]
        target = rule.target.value.replace("<commit>", commit)
        files = files.put(target, DIRECTORY).put(path, link(target))
    return replace(machine, files=files)


def _paths(machine: Machine, spec: Mapping[str, PathSpec]) -> Machine:
    """Create required paths, parent folders first; the targets of symbolic links exist already."""
    files = machine.files
    for path, rule in sorted(spec.items()):
        if rule.presence is Presence.REQUIRED:
            real = files.canonicalize(_example(path) if is_glob(path) else path)
            files = files.put(real, _node(rule, files.nodes.get(real)))
            if rule.content:
                files = files.put(rule.content.equals, files.nodes[real])
    return replace(machine, files=files)


def _example(glob: str) -> str:
    """Return a path that matches `glob`."""
    folder, name = posixpath.split(glob)
    return posixpath.join(folder, re.sub(r"\[(.)[^]]*\]|[*?]", lambda match: match[1] or "x", name))


def _node(rule: PathSpec, existing: FileNode | None) -> FileNode:
    type_ = rule.type or (existing.type if existing else "directory")
    node = DIRECTORY if type_ in ("directory", "d") else file("simulated\n")
    mode = int(rule.mode, 8) if rule.mode else node.mode
    return replace(node, mode=mode, owner=_account(rule.owner), group=_account(rule.group))


def _account(name: str | None) -> Account:
    if name in (None, "root", "0"):
        return ROOT
    return Account(NO_NAME, int(name)) if name.isdigit() else Account(name, _USER_ID)


def _git(machine: Machine, spec: Iterable[str]) -> Machine:
    """Create work trees. The simulated git command answers all git probes."""
    files = machine.files
    for path in spec:
        files = files.put(f"{path}/.git", DIRECTORY)
    return replace(machine, files=files)


def _agree(machine: Machine, spec: Agree) -> Machine:
    machine = _git(machine, (path for path in (spec.olsystem, spec.openlibrary) if path))
    if spec.image is None or machine.engine is None:
        return machine
    return replace(machine, engine=replace(machine.engine, images=(spec.image,)))


def _farm(machine: Machine, spec: SymlinkFarmSpec) -> Machine:
    """Link two of the files that olsystem has."""
    return _with_links(machine, spec.source, spec.into, "cron.d/openlibrary", "logrotate.d/openlibrary")


def _cron(machine: Machine, spec: CronSpec) -> Machine:
    if spec.daemon:
        machine = replace(
            machine, processes=(*machine.processes, RunningProcess(411, "cron", "/usr/sbin/cron -f"))
        )
    return _with_links(machine, spec.source, spec.into, "openlibrary")


def _with_links(machine: Machine, source: str, into: str, *names: str) -> Machine:
    files = machine.files
    for name in names:
        real = f"{source}/{name}"
        files = files.put(real, file("# simulated\n")).put(f"{into}/{name}", link(real))
    return replace(machine, files=files)


def _certificates(machine: Machine, spec: CertificatesSpec) -> Machine:
    """Create a certificate that was renewed recently; its text is the expiry line that openssl prints."""
    end = time.strftime("%b %d %H:%M:%S %Y GMT", time.gmtime(time.time() + (spec.days + 60) * 86400.0))
    path = f"{spec.folder}/openlibrary.org/fullchain.pem"
    return replace(machine, files=machine.files.put(path, file(f"notAfter={end}\n")))


# --- memcached -------------------------------------------------------------------------------------------------


def _memcached(machine: Machine, spec: MemcachedSpec) -> Machine:
    """Reserve about 300 MB for the system, as the wiki page does, or the minimum that the rule allows."""
    total = MEMORY_KB << 10
    least, most = parse_size(spec.reserve.least), parse_size(spec.reserve.most)
    rounded = (total - least) // (100 * _MIB) * 100
    return with_memcached(machine, spec, rounded if total - rounded * _MIB <= most else (total - least) // _MIB)


def with_memcached(machine: Machine, spec: MemcachedSpec, mib: int) -> Machine:
    """Run memcached with a limit of `mib` MiB: `-m` of configuration and process, and the server's setting."""
    options = (f"-m {mib}", f"-p {spec.port}", "-u memcache", f"-l {spec.address}")
    config = "\n".join(("# memcached default config file", "-d", "logfile /var/log/memcached.log", *options, ""))
    return replace(
        machine,
        files=machine.files.put(spec.config, file(config)),
        processes=(
            *(process for process in machine.processes if process.name != "memcached"),
            RunningProcess(
                640, "memcached", f"/usr/bin/memcached {' '.join(options)} -P /var/run/memcached/memcached.pid"
            ),
        ),
        memcached=MappingProxyType({(spec.address, spec.port): mib * _MIB}),
    )


_BUILDERS: Mapping[str, Builder] = MappingProxyType(
    {
        "hostname": _hostname,
        "os": system.release,
        "disks": system.disks,
        "services": system.services,
        "packages": system.packages,
        "docker": _docker,
        "containers": _containers,
        "symlinks": _symlinks,
        "paths": _paths,
        "symlink_farm": _farm,
        "cron": _cron,
        "certificates": _certificates,
        "git": _git,
        "agree": _agree,
        "memcached": _memcached,
        "postgres": network.postgres,
        "firewall": network.firewall,
    }
)
