"""The lab's own network: a hub in a network namespace, one device to it from outside, one cable per host."""

import json
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path

from tests.fleet.errors import LabError
from tests.fleet.place import Place
from tests.fleet.processes import Process, run, spawn, wait_for


def hub_record(place: Place) -> Path:
    """Where the hub's pid is kept."""
    return place.directory / "hub.pid"


def up(place: Place) -> None:
    """Start the hub and connect this machine to it."""
    if _routes(place.network):
        raise LabError(f"{place.network} is already routed on this machine")
    spawn(hub_record(place), place.directory / "hub.log", "unshare", "--net", "sleep", "infinity")
    wait_for(lambda: _own_namespace(hub_record(place)), "the hub")
    hub = _hub(place)
    run(("ip", "link", "add", place.device, "type", "veth", "peer", "name", "outside", "netns", str(hub.pid)))
    _ip_in(
        hub,
        "link add hub type bridge",
        "link set hub up",
        "link set outside master hub up",
    )
    _ip(
        f"address add {place.gateway}/{place.network.prefixlen} dev {place.device}",
        f"link set {place.device} up",
        # Takes over should the device vanish under a running test: then nothing leaves the machine either.
        f"route add unreachable {place.network} metric 4096",
    )


def attach(place: Place, host: Process, index: int) -> None:
    """Lay the cable of host number `index` and give its end the host's address."""
    _ip_in(
        _hub(place),
        f"link add host{index} type veth peer name eth0 netns {host.pid}",
        f"link set host{index} master hub up",
    )
    _ip_in(
        host,
        f"address add {place.address(index)}/{place.network.prefixlen} dev eth0",
        "link set lo up",
        "link set eth0 up",
    )


def down(place: Place) -> None:
    """Take the device and the route away; the rest went with the hub's and the hosts' processes."""
    if place.present():
        # The kernel removes it by itself some time after the hub's end, perhaps between this look and that.
        run(("ip", "link", "delete", place.device), check=False)
        wait_for(lambda: not place.present(), f"{place.device} to go", seconds=10)
    if _routes(place.network, "unreachable"):
        run(("ip", "route", "delete", "unreachable", str(place.network), "metric", "4096"))


def traces(place: Place) -> list[str]:
    """Name what of the network is still there."""
    return [place.device] * place.present() + [f"route {place.network}"] * bool(_routes(place.network))


def _hub(place: Place) -> Process:
    hub = Process.recorded(hub_record(place))
    if hub is None:
        raise LabError("the lab's hub is gone")
    return hub


def _own_namespace(record: Path) -> bool:
    """Whether the recorded process has left this process's network namespace."""
    process = Process.recorded(record)
    with suppress(OSError):
        return process is not None and not Path(f"/proc/{process.pid}/ns/net").samefile("/proc/self/ns/net")
    return False


def _routes(network: IPv4Network, kind: str | None = None) -> list[object]:
    words = ("type", kind) if kind else ()
    found: list[object] = json.loads(run(("ip", "-j", "route", "show", *words, str(network))).stdout or "[]")
    return found


def _ip(*commands: str) -> None:
    run(("ip", "-batch", "-"), stdin="\n".join(commands) + "\n")


def _ip_in(process: Process, *commands: str) -> None:
    """Run `ip` commands in the network namespace of a process, with this machine's own `ip`."""
    run(("nsenter", "-t", str(process.pid), "-n", "ip", "-batch", "-"), stdin="\n".join(commands) + "\n")
