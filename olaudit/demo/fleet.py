"""A simulated fleet that runs while a block runs, and the ssh_config by which it is reached."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from olaudit.demo.build import build_machine
from olaudit.demo.drifts import Drift
from olaudit.demo.faults import HostFault
from olaudit.demo.listener import ADDRESS, Listener
from olaudit.demo.machine import Machine
from olaudit.demo.server import USER, SimulatedHost
from olaudit.expected import FleetSpec


@dataclass(frozen=True, slots=True)
class Simulation:
    """A fleet that runs. `ssh_config` lies in a folder of its own and leads to it, without the user's own files.

    `drifts` are those that were put in: of the wanted ones, those that fit this fleet.
    """

    ssh_config: Path
    drifts: tuple[Drift, ...]
    machines: Mapping[str, Machine]


@contextmanager
def simulated(
    fleet: FleetSpec, drifts: Iterable[Drift] = (), faults: Mapping[str, HostFault] | None = None
) -> Iterator[Simulation]:
    """Run a fleet that is as `fleet` says, but for `drifts`, and for hosts (by name) that fail as `faults` say."""
    machines = {name: build_machine(host) for name, host in fleet.hosts.items()}
    failing = dict(faults or {})
    put_in: list[Drift] = []
    for drift in drifts:
        if (machine := machines.get(drift.host)) is None:
            continue
        machines[drift.host] = drift.change(machine)
        if drift.fault:
            failing[drift.host] = drift.fault
        if drift.fault or machines[drift.host] != machine:
            put_in.append(drift)
    with tempfile.TemporaryDirectory(prefix="olaudit-demo-") as name:
        folder = Path(name)
        auditor = _write_key(folder / "key")
        hosts = {
            host: SimulatedHost(machine, _new_key()[0], auditor, failing.get(host))
            for host, machine in machines.items()
        }
        with Listener(hosts) as listener:
            config = _write_config(folder, hosts, listener.ports)
            yield Simulation(config, tuple(put_in), MappingProxyType(machines))


def _new_key() -> tuple[paramiko.PKey, str]:
    """Make a key, and the text of its file: paramiko itself makes none of this kind."""
    text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return paramiko.Ed25519Key(file_obj=io.StringIO(text)), text


def _write_key(file: Path) -> paramiko.PKey:
    key, text = _new_key()
    file.touch(mode=0o600)
    file.write_text(text, encoding="ascii")
    return key


def _write_config(folder: Path, hosts: Mapping[str, SimulatedHost], ports: Mapping[str, int]) -> Path:
    """Write ssh_config and known_hosts, for olaudit and for `ssh -F` alike."""
    known, config = folder / "known_hosts", folder / "ssh_config"
    shown = {
        name: _new_key()[0] if host.fault is HostFault.OTHER_HOST_KEY else host.key for name, host in hosts.items()
    }
    lines = [f"[{ADDRESS}]:{ports[name]} {key.get_name()} {key.get_base64()}\n" for name, key in shown.items()]
    known.write_text("".join(lines), encoding="ascii")
    blocks = [f"Host {name}\n  HostName {ADDRESS}\n  Port {ports[name]}\n" for name in hosts]
    common = (
        f"Host *\n  User {USER}\n  IdentityFile {folder / 'key'}\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {known}\n  GlobalKnownHostsFile none\n"
    )
    config.write_text("".join((*blocks, common)), encoding="ascii")
    return config
