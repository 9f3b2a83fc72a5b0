"""Drift injected into the simulated fleet: an explicit list, with the findings that an audit must report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from olaudit.checks.memcached import MemcachedSpec, Reserve
from olaudit.demo.build import with_memcached
from olaudit.demo.containers import docker_time
from olaudit.demo.faults import HostFault
from olaudit.demo.files import link
from olaudit.demo.machine import Inspect, Machine
from olaudit.evaluate import REACHABLE

Change = Callable[[Machine], Machine]


def _unchanged(machine: Machine) -> Machine:
    return machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A drift on one host, and the `findings` that an audit must report, as (check, subject).

    `change` returns the machine unchanged where it does not apply, so other fleets can be simulated too.
    """

    host: str
    description: str
    findings: tuple[tuple[str, str], ...]
    change: Change = _unchanged
    fault: HostFault | None = None


# --- changes of machines ---------------------------------------------------------------------------------------


def rename_container(name: str, other: str) -> Change:
    """Rename a container."""
    return lambda machine: machine.with_container(name, lambda inspect: {**inspect, "Name": f"/{other}"})


def set_hostname(name: str, hostname: str) -> Change:
    """Set another hostname in a container."""
    return _update_inspect(name, "Config", {"Hostname": hostname})


def stop_container(name: str, *, code: int, ago: float) -> Change:
    """Stop a container; `ago` is in seconds."""

    def change(machine: Machine) -> Machine:
        state = {
            "Status": "exited",
            "Running": False,
            "ExitCode": code,
            "FinishedAt": docker_time(time.time() - ago),
        }
        return _update_inspect(name, "State", state)(machine)

    return change


def restart_loop(name: str, *, restarts: int, code: int) -> Change:
    """Put a container into a restart loop."""

    def change(machine: Machine) -> Machine:
        state = {
            "Status": "restarting",
            "Running": True,
            "Restarting": True,
            "ExitCode": code,
            "StartedAt": docker_time(time.time() - 9),
            "FinishedAt": docker_time(time.time() - 7),
        }
        restarting = _update_inspect(name, "State", state)(machine)
        return restarting.with_container(name, lambda inspect: {**inspect, "RestartCount": restarts})

    return change


def _update_inspect(name: str, part: str, values: dict[str, object]) -> Change:
    def change(inspect: Inspect) -> Inspect:
        return {**inspect, part: {**inspect[part], **values}}

    return lambda machine: machine.with_container(name, change)


def redirect_link(path: str, target: str) -> Change:
    """Change the target of an existing symbolic link."""

    def change(machine: Machine) -> Machine:
        exists = path in machine.files.nodes
        return replace(machine, files=machine.files.put(path, link(target))) if exists else machine

    return change


def empty_folder(folder: str) -> Change:
    """Remove everything in a folder."""

    def change(machine: Machine) -> Machine:
        files = machine.files
        for name in files.names_in(folder) if files.exists(folder) else ():
            files = files.remove(f"{folder}/{name}")
        return replace(machine, files=files)

    return change


def set_memory_limit(mib: int) -> Change:
    """Run memcached with another limit, in its configuration too."""
    reserve = Reserve(least="0 B", most="0 B")

    def change(machine: Machine) -> Machine:
        for address, port in machine.memcached:
            spec = MemcachedSpec(reserve=reserve, address=address, port=port)
            machine = with_memcached(machine, spec, mib)
        return machine

    return change


# --- the drift of the demo -------------------------------------------------------------------------------------

DRIFTS = (
    Drift(
        host="ol-covers0",
        description="covers_nginx has Compose v1's separators in its name: openlibrary_covers_nginx_1",
        findings=(("container.name", "openlibrary-covers_nginx-1"),),
        change=rename_container("openlibrary-covers_nginx-1", "openlibrary_covers_nginx_1"),
    ),
    Drift(
        host="ol-db2",
        description="nothing listens on its SSH port: its state is unknown, and unknown is never ok",
        findings=((REACHABLE.id, "host"),),
        fault=HostFault.PORT_CLOSED,
    ),
    Drift(
        host="ol-home0",
        description="importbot was stopped two days ago and not started again",
        findings=(("container.state", "openlibrary-importbot-1"),),
        change=stop_container("openlibrary-importbot-1", code=143, ago=2 * 86400.0),
    ),
    Drift(
        host="ol-mem1",
        description="memcached runs with the default limit of 64 MB on a machine with 9.7 GiB of memory",
        findings=(("memcached.configured", "memcached"),),
        change=set_memory_limit(64),
    ),
    Drift(
        host="ol-solr0",
        description="solr exits after every start, and Docker restarts it",
        findings=(("container.restarts", "openlibrary_solr_1"),),
        change=restart_loop("openlibrary_solr_1", restarts=217, code=1),
    ),
    Drift(
        host="ol-solr1",
        description="the GeoIP data is missing from /opt/openlibrary/maxmind-geoip",
        findings=(("path.missing", "/opt/openlibrary/maxmind-geoip/*.dat"),),
        change=empty_folder("/opt/openlibrary/maxmind-geoip"),
    ),
    Drift(
        host="ol-web2",
        description="the link of the active openlibrary deploy points to the olsystem deploy",
        findings=(("symlink.target", "/opt/openlibrary/openlibrary"),),
        change=redirect_link("/opt/openlibrary/openlibrary", "/opt/openlibrary/deploys/olsystem/olsystem"),
    ),
    Drift(
        host="ol-www0",
        description="the hostname of web_nginx is ol-www0, not docker-ol-www0-web_nginx-1",
        findings=(("container.hostname", "openlibrary-web_nginx-1"),),
        change=set_hostname("openlibrary-web_nginx-1", "ol-www0"),
    ),
)
"""Seven drifts, each of another check, and an unreachable host."""
