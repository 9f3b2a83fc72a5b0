"""Files of a run of the fault matrix: keys, ssh_config, known_hosts and expected files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.row import Target
from tests.fleet.inventory import INVENTORY, Machine
from tests.fleet.lab import Lab
from tests.transport.sshd import keygen

ADDRESS = "127.0.0.1"
USER = "audit"
CONTAINER = "faults-web-1"

_FLEET = "name: faults\ndomain: faults.invalid\n"
_SHELL = """\
hostname: "{host}"
paths:
  /etc/passwd: {type: file}
  /etc/forbidden: {presence: forbidden}
  /etc/*.forbidden: {presence: forbidden}
disks:
  /: {floor: 1 MiB, inodes: 1}
"""


def _lab_role(machine: Machine) -> str:
    """Return the expected state of a host of the lab."""
    lines = (f"  - {{service: {container.service}, name: {container.name}}}\n" for container in machine.containers)
    return "".join(("paths: {/etc/passwd: {type: file}}\ndocker: required\ncontainers:\n", *lines))


_ROLES = {
    **{machine.name: _lab_role(machine) for machine in INVENTORY if machine.containers},
    "shell": _SHELL,
    "clock": 'hostname: "{host}"\nclock: {limit_seconds: 2}\n',
    "engine": f"""\
{_SHELL}docker: required
container_defaults: {{code: [/openlibrary]}}
containers:
  - {{service: web, name: {CONTAINER}}}
""",
}


@dataclass
class Scene:
    """The files of a run. `folder` is that of the run; `row_folder` returns that of a row.

    `violations` collects forbidden actions of an audit, as (row id, text).
    """

    folder: Path
    lab: Lab | None = None
    roles: dict[str, str] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)
    violations: list[tuple[str, str]] = field(default_factory=list)
    id: str = ""

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        keygen(self.key)
        keygen(self.host_key)

    @property
    def key(self) -> Path:
        """The auditor's private key."""
        return self.folder / "id_ed25519"

    @property
    def public(self) -> str:
        """The auditor's public key, as a line of authorized_keys."""
        return self.key.with_suffix(".pub").read_text(encoding="ascii")

    @property
    def host_key(self) -> Path:
        """The host key of all hosts, except if the fault is another key."""
        return self.folder / "host_key"

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    @property
    def expected(self) -> Path:
        return self.folder / "expected"

    def row_folder(self) -> Path:
        """Create and return the folder of the row that is being set up."""
        folder = self.folder / self.id
        folder.mkdir(exist_ok=True)
        return folder

    def known_hosts_line(self, port: int, key: Path | None = None) -> str:
        """Return a line of known_hosts."""
        fields = (key or self.host_key).with_suffix(".pub").read_text(encoding="ascii").split()
        return f"[{ADDRESS}]:{port} {fields[0]} {fields[1]}"

    def target(self, port: int, *lines: str, key: Path | None = None) -> Target:
        """Return a host on a port of the loopback interface; `lines` come first and take precedence."""
        return Target((*lines, f"HostName {ADDRESS}", f"Port {port}"), (self.known_hosts_line(port, key),))

    def write(self) -> None:
        """Write ssh_config, known_hosts and the expected files for all targets."""
        known_hosts = self.folder / "known_hosts"
        known_hosts.write_text("".join(f"{line}\n" for line in self._known_hosts_lines()), encoding="ascii")
        blocks = [_block(name, target.ssh_config) for name, target in self.targets.items()]
        common = (
            f"User {USER}",
            "IdentitiesOnly yes",
            f"UserKnownHostsFile {known_hosts}",
            "GlobalKnownHostsFile none",
        )
        others = " ".join(("*", *(f"!{name}" for name, target in self.targets.items() if not target.identity)))
        blocks += [_block(others, (f"IdentityFile {self.key}",)), _block("*", common)]
        self.ssh_config.write_text("".join(blocks), encoding="ascii")
        write_expected(self.expected, self.roles)

    def _known_hosts_lines(self) -> Iterable[str]:
        return (line for target in self.targets.values() for line in target.known_hosts)


def write_expected(folder: Path, roles: dict[str, str]) -> None:
    """Write expected files for hosts, given their roles."""
    for part in ("hosts", "roles"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "fleet.yaml").write_text(_FLEET, encoding="ascii")
    for role, text in _ROLES.items():
        (folder / "roles" / f"{role}.yaml").write_text(text, encoding="ascii")
    for host, role in roles.items():
        (folder / "hosts" / f"{host}.yaml").write_text(f"host: {host}\nroles: [{role}]\n", encoding="ascii")


def _block(name: str, lines: Iterable[str]) -> str:
    return "".join([f"Host {name}\n", *(f"  {line}\n" for line in lines)])
