"""Context manager that runs a simulated fleet and writes the ssh_config that reaches it."""

import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from olaudit.demo.drifts import Drift
from olaudit.demo.faults import HostFault
from olaudit.demo.listener import ADDRESS, Listener
from olaudit.demo.recorded import RecordedHost, recorded_host
from olaudit.demo.server import USER, SimulatedHost
from olaudit.expected import FleetSpec


@dataclass(frozen=True, slots=True)
class Simulation:
    """A running simulated fleet. `ssh_config` reaches it without the user's own SSH files.

    `drifts` are the injected ones: those of the requested drifts that apply to this fleet.
    """

    ssh_config: Path
    drifts: tuple[Drift, ...]


@contextmanager
def simulated(
    fleet: FleetSpec,
    drifts: Iterable[Drift] = (),
    faults: Mapping[str, HostFault] | None = None,
    recorded: Mapping[str, RecordedHost] | None = None,
) -> Iterator[Simulation]:
    """Run the recorded hosts of `fleet`, with `drifts`, and with `faults` by host name.

    `recorded` gives other answers to some hosts. Raises UsageError for a host without recorded answers.
    """
    hosts = {name: (recorded or {}).get(name) or recorded_host(name) for name in fleet.hosts}
    host_faults = dict(faults or {})
    injected: list[Drift] = []
    for drift in drifts:
        if (host := hosts.get(drift.host)) is None:
            continue
        hosts[drift.host] = drift.change(host)
        if drift.fault:
            host_faults[drift.host] = drift.fault
        if drift.fault or hosts[drift.host] != host:
            injected.append(drift)
    with tempfile.TemporaryDirectory(prefix="olaudit-demo-") as name:
        folder = Path(name)
        auditor = _write_key(folder / "key")
        servers = {
            name: SimulatedHost(name, host, _new_key()[0], auditor, host_faults.get(name))
            for name, host in hosts.items()
        }
        with Listener(servers) as listener:
            config = _write_config(folder, servers, listener.ports)
            yield Simulation(config, tuple(injected))


def _new_key() -> tuple[paramiko.PKey, str]:
    """Generate an Ed25519 key and the text of its file; paramiko cannot generate keys of this type."""
    text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return paramiko.Ed25519Key(file_obj=io.StringIO(text)), text


def _write_key(file: Path) -> paramiko.PKey:
    key, text = _new_key()
    file.touch(mode=0o600)
    file.write_text(text, encoding="ascii")
    return key


def _write_config(folder: Path, hosts: Mapping[str, SimulatedHost], ports: Mapping[str, int]) -> Path:
    """Write ssh_config and known_hosts, for olaudit and for `ssh -F`."""
    known_hosts, config = folder / "known_hosts", folder / "ssh_config"
    known_keys = {
        name: _new_key()[0] if host.fault is HostFault.OTHER_HOST_KEY else host.key for name, host in hosts.items()
    }
    lines = [
        f"[{ADDRESS}]:{ports[name]} {key.get_name()} {key.get_base64()}\n" for name, key in known_keys.items()
    ]
    known_hosts.write_text("".join(lines), encoding="ascii")
    blocks = [f"Host {name}\n  HostName {ADDRESS}\n  Port {ports[name]}\n" for name in hosts]
    common = (
        f"Host *\n  User {USER}\n  IdentityFile {folder / 'key'}\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {known_hosts}\n  GlobalKnownHostsFile none\n"
    )
    config.write_text("".join((*blocks, common)), encoding="ascii")
    return config
