"""The shipped files on the systems of hosts: releases, clocks, disks, services, packages."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import pytest

from olaudit.checks import CHECKERS
from olaudit.expected import FleetSpec, load

_TRUSTY = ("ol-backup0", "ol-db1", "ol-db2")
_FOCAL = ("ol-mem0", "ol-mem1", "ol-mem2")


@pytest.fixture(scope="module")
def shipped() -> FleetSpec:
    return load(Path(str(importlib.resources.files("olaudit"))) / "shipped", CHECKERS)


def test_release_is_expected_where_the_page_states_it(shipped: FleetSpec) -> None:
    releases = {name: str(host.sections["os"]) for name, host in shipped.hosts.items() if "os" in host.sections}
    trusty = dict.fromkeys(_TRUSTY, "ubuntu 14.04 (trusty)")
    assert releases == trusty | dict.fromkeys(_FOCAL, "ubuntu 20.04 (focal)")


def test_every_host_has_a_clock_limit_and_disk_floors(shipped: FleetSpec) -> None:
    for host in shipped.hosts.values():
        disks = host.sections["disks"]
        assert {path: (rule.floor, rule.presence) for path, rule in disks.items()} == {
            "/": ("2 GiB", "required"),
            "/1": ("2 GiB", "optional"),
            "/2": ("2 GiB", "optional"),
        }
        assert host.sections["clock"].limit_seconds == 2


@pytest.mark.parametrize(
    ("role", "services"), [("docker-host", "docker"), ("memcached", "memcached"), ("database", "postgresql")]
)
def test_service_of_a_role_is_enabled_and_running(shipped: FleetSpec, role: str, services: str) -> None:
    hosts = [host for host in shipped.hosts.values() if role in host.roles]
    assert hosts
    for host in hosts:
        rule = host.sections["services"][services]
        assert (rule.running, rule.enabled, rule.presence) == (True, True, "required")


def test_docker_hosts_have_git_and_docker(shipped: FleetSpec) -> None:
    for host in shipped.hosts.values():
        if "docker-host" in host.roles:
            packages = host.sections["packages"]
            assert packages["git"].presence == "required"
            assert packages["docker-ce"].accept == ("docker.io",)
