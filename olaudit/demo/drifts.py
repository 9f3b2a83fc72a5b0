"""What is wrong in the simulated fleet, on purpose: an explicit list, each with what an audit must find of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from olaudit.checks.memcached.spec import MemcachedSpec, Reserve
from olaudit.demo.build import with_memcached
from olaudit.demo.containers import moment
from olaudit.demo.faults import Fault
from olaudit.demo.files import link
from olaudit.demo.machine import Inspect, Machine
from olaudit.evaluate import REACHABLE

Change = Callable[[Machine], Machine]


def _nothing(machine: Machine) -> Machine:
    return machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One thing that is wrong on one host. `finds` are the findings it must give, as (check, subject).

    `change` returns the machine as it was where it does not fit, so that another fleet can be simulated too.
    """

    host: str
    says: str
    finds: tuple[tuple[str, str], ...]
    change: Change = _nothing
    fault: Fault | None = None


# --- what happens to machines ----------------------------------------------------------------------------------


def renamed(name: str, other: str) -> Change:
    """Give a container another name."""
    return lambda machine: machine.with_container(name, lambda one: {**one, "Name": f"/{other}"})


def called(name: str, hostname: str) -> Change:
    """Give a container another hostname."""
    return _configured(name, "Config", {"Hostname": hostname})


def stopped(name: str, *, code: int, ago: float) -> Change:
    """Stop a container, so many seconds ago."""

    def change(machine: Machine) -> Machine:
        state = {"Status": "exited", "Running": False, "ExitCode": code, "FinishedAt": moment(time.time() - ago)}
        return _configured(name, "State", state)(machine)

    return change


def looping(name: str, *, restarts: int, code: int) -> Change:
    """Let a container die and be started again, over and over."""

    def change(machine: Machine) -> Machine:
        state = {
            "Status": "restarting",
            "Running": True,
            "Restarting": True,
            "ExitCode": code,
            "StartedAt": moment(time.time() - 9),
            "FinishedAt": moment(time.time() - 7),
        }
        restarting = _configured(name, "State", state)(machine)
        return restarting.with_container(name, lambda one: {**one, "RestartCount": restarts})

    return change


def _configured(name: str, part: str, values: dict[str, object]) -> Change:
    def change(inspect: Inspect) -> Inspect:
        return {**inspect, part: {**inspect[part], **values}}

    return lambda machine: machine.with_container(name, change)


def linked(path: str, target: str) -> Change:
    """Let an existing link lead elsewhere."""

    def change(machine: Machine) -> Machine:
        there = machine.files.nodes.get(path)
        return replace(machine, files=machine.files.put(path, link(target))) if there else machine

    return change


def emptied(folder: str) -> Change:
    """Remove everything in a folder."""

    def change(machine: Machine) -> Machine:
        files = machine.files
        for name in files.inside(folder) if files.there(folder) else ():
            files = files.remove(f"{folder}/{name}")
        return replace(machine, files=files)

    return change


def capped(mib: int) -> Change:
    """Run memcached with another limit, as its configuration says."""
    anything = Reserve(least="0 B", most="0 B")

    def change(machine: Machine) -> Machine:
        for address, port in machine.memcached:
            spec = MemcachedSpec(reserve=anything, address=address, port=port)
            machine = with_memcached(machine, spec, mib)
        return machine

    return change


# --- the demo's --------------------------------------------------------------------------------------------------

DRIFTS = (
    Drift(
        host="ol-covers0",
        says="covers_nginx has Compose v1's separators in its name: openlibrary_covers_nginx_1",
        finds=(("container.name", "openlibrary-covers_nginx-1"),),
        change=renamed("openlibrary-covers_nginx-1", "openlibrary_covers_nginx_1"),
    ),
    Drift(
        host="ol-db2",
        says="nothing listens on its SSH port: nobody can say how it is, so it is unknown and not fine",
        finds=((REACHABLE.id, "host"),),
        fault=Fault.NOTHING_LISTENS,
    ),
    Drift(
        host="ol-home0",
        says="importbot was stopped two days ago, and nobody started it again",
        finds=(("container.state", "openlibrary-importbot-1"),),
        change=stopped("openlibrary-importbot-1", code=143, ago=2 * 86400.0),
    ),
    Drift(
        host="ol-mem1",
        says="memcached was set up with the default of 64 MB on a machine of 9.7 GiB",
        finds=(("memcached.configured", "memcached"),),
        change=capped(64),
    ),
    Drift(
        host="ol-solr0",
        says="solr dies at every start, and Docker starts it again",
        finds=(("container.restarts", "openlibrary_solr_1"),),
        change=looping("openlibrary_solr_1", restarts=217, code=1),
    ),
    Drift(
        host="ol-solr1",
        says="the GeoIP data is gone from /opt/openlibrary/maxmind-geoip",
        finds=(("path.missing", "/opt/openlibrary/maxmind-geoip/*.dat"),),
        change=emptied("/opt/openlibrary/maxmind-geoip"),
    ),
    Drift(
        host="ol-web2",
        says="the link of the active openlibrary deploy leads to olsystem's",
        finds=(("symlink.target", "/opt/openlibrary/openlibrary"),),
        change=linked("/opt/openlibrary/openlibrary", "/opt/openlibrary/deploys/olsystem/olsystem"),
    ),
    Drift(
        host="ol-www0",
        says="web_nginx calls itself ol-www0, not docker-ol-www0-web_nginx-1",
        finds=(("container.hostname", "openlibrary-web_nginx-1"),),
        change=called("openlibrary-web_nginx-1", "ol-www0"),
    ),
)
"""Seven drifts of seven kinds, and a host that cannot be reached."""
