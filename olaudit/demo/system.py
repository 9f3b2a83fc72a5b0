"""Base system of a simulated machine: release, disks, services, packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from olaudit.checks.disk import DiskSpec
from olaudit.checks.package import PackageSpec
from olaudit.checks.release import OsSpec
from olaudit.checks.service import ServiceSpec
from olaudit.demo.files import DIRECTORY, file
from olaudit.demo.machine import Disk, Machine
from olaudit.language import Presence, parse_size


def release(machine: Machine, spec: OsSpec) -> Machine:
    """Write /etc/os-release of the expected release."""
    codename = f"VERSION_CODENAME={spec.codename}\n" if spec.codename else ""
    text = f'ID={spec.id}\nVERSION_ID="{spec.version_id}"\n{codename}'
    return replace(machine, files=machine.files.put("/etc/os-release", file(text)))


def disks(machine: Machine, spec: Mapping[str, DiskSpec]) -> Machine:
    """Mount required file systems, with more free space and inodes than required."""
    files, mounted = machine.files, dict(machine.disks)
    for path, rule in spec.items():
        if rule.presence is Presence.REQUIRED:
            files = files.put(path, DIRECTORY)
            inodes = 2 * rule.inodes + 1000
            mounted[path] = Disk(free=8 * parse_size(rule.floor), inodes=2 * inodes, free_inodes=inodes)
    return replace(machine, files=files, disks=MappingProxyType(mounted))


def services(machine: Machine, spec: Mapping[str, ServiceSpec]) -> Machine:
    """Run the required services."""
    required = {name for name, rule in spec.items() if rule.presence is Presence.REQUIRED and rule.running}
    return replace(machine, services=machine.services | required)


def packages(machine: Machine, spec: Mapping[str, PackageSpec]) -> Machine:
    """Install the required packages, in a version that matches."""
    required = {
        name: str(rule.version or "1.0-1").replace("*", "0")
        for name, rule in spec.items()
        if rule.presence is Presence.REQUIRED
    }
    return replace(machine, packages=MappingProxyType({**machine.packages, **required}))
