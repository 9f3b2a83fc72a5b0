"""Network of the lab: a hub in a network namespace, a device that connects this machine, a link per host."""

import json
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path

from tests.fleet.errors import LabError
from tests.fleet.layout import LabLayout
from tests.fleet.processes import Process, run, spawn, wait_for


def hub_record(layout: LabLayout) -> Path:
    """Return the file with the hub's pid."""
    return layout.directory / "hub.pid"


def up(layout: LabLayout) -> None:
    """Start the hub and connect this machine to it."""
    if _routes(layout.network):
        raise LabError(f"{layout.network} is already routed on this machine")
    spawn(hub_record(layout), layout.directory / "hub.log", "unshare", "--net", "sleep", "infinity")
    wait_for(lambda: _own_namespace(hub_record(layout)), "the hub")
    hub = _hub(layout)
    run(("ip", "link", "add", layout.device, "type", "veth", "peer", "name", "outside", "netns", str(hub.pid)))
    _ip_in(
        hub,
        "link add hub type bridge",
        "link set hub up",
        "link set outside master hub up",
    )
    _ip(
        f"address add {layout.gateway}/{layout.network.prefixlen} dev {layout.device}",
        f"link set {layout.device} up",
        # Used if the device disappears during a test, so that no packet leaves the machine.
        f"route add unreachable {layout.network} metric 4096",
    )


def attach(layout: LabLayout, host: Process, index: int) -> None:
    """Connect host number `index` to the hub and assign its address."""
    _ip_in(
        _hub(layout),
        f"link add host{index} type veth peer name eth0 netns {host.pid}",
        f"link set host{index} master hub up",
    )
    _ip_in(
        host,
        f"address add {layout.address(index)}/{layout.network.prefixlen} dev eth0",
        "link set lo up",
        "link set eth0 up",
    )


def down(layout: LabLayout) -> None:
    """Remove the device and the route; the end of the hub's and hosts' processes removed everything else."""
    if layout.present():
        # The kernel removes it some time after the hub's end, perhaps between the check and this command.
        run(("ip", "link", "delete", layout.device), check=False)
        wait_for(lambda: not layout.present(), f"the removal of {layout.device}", seconds=10)
    if _routes(layout.network, "unreachable"):
        run(("ip", "route", "delete", "unreachable", str(layout.network), "metric", "4096"))


def leftovers(layout: LabLayout) -> list[str]:
    """List what remains of the network."""
    return [layout.device] * layout.present() + [f"route {layout.network}"] * bool(_routes(layout.network))


def _hub(layout: LabLayout) -> Process:
    hub = Process.from_record(hub_record(layout))
    if hub is None:
        raise LabError("the lab's hub does not run")
    return hub


def _own_namespace(record: Path) -> bool:
    """Return whether the recorded process runs in another network namespace than this process."""
    process = Process.from_record(record)
    with suppress(OSError):
        return process is not None and not Path(f"/proc/{process.pid}/ns/net").samefile("/proc/self/ns/net")
    return False


def _routes(network: IPv4Network, kind: str | None = None) -> list[object]:
    filters = ("type", kind) if kind else ()
    routes: list[object] = json.loads(run(("ip", "-j", "route", "show", *filters, str(network))).stdout or "[]")
    return routes


def _ip(*commands: str) -> None:
    run(("ip", "-batch", "-"), stdin="\n".join(commands) + "\n")


def _ip_in(process: Process, *commands: str) -> None:
    """Run `ip` commands in the network namespace of a process, with the `ip` program of this machine."""
    run(("nsenter", "-t", str(process.pid), "-n", "ip", "-batch", "-"), stdin="\n".join(commands) + "\n")
