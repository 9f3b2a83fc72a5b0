"""What a simulated machine has for its firewall and its database's allow list, and the names of the fleet.

The names are not put into any resolver of this machine: `Named` answers for them, in place of the auditor's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from olaudit.checks.firewall import FirewallSpec
from olaudit.checks.postgres.spec import PostgresSpec
from olaudit.demo.files import Account, file, link
from olaudit.demo.listener import ADDRESS
from olaudit.demo.machine import Machine
from olaudit.expected import FleetSpec
from olaudit.model import Answer, Answered, Answers, Lookup, Probe
from olaudit.transport import Deadline, Transport

_FERM = "# simulated\ndomain (ip ip6) table filter chain INPUT policy DROP;\n"
_LOCAL = "local  all  all  peer\nhost  all  all  127.0.0.1/32  md5\nhost  all  all  ::1/128  md5\n"
_POSTGRES = Account("postgres", 108)


def firewall(machine: Machine, spec: FirewallSpec) -> Machine:
    """Set up the firewall that was deployed, and what Docker adds to it."""
    files = machine.files.put(spec.source, file(_FERM)).put(spec.ferm, link(spec.source))
    return replace(machine, files=files, chains=spec.chains)


def postgres(machine: Machine, spec: PostgresSpec) -> Machine:
    """Admit the clients by their names: every resolver of an auditor is good enough for that."""
    text = _LOCAL + "".join(f"host  openlibrary  openlibrary  {name}  md5\n" for name in spec.clients)
    node = replace(file(text), mode=0o640, owner=_POSTGRES, group=_POSTGRES)
    return replace(machine, files=machine.files.put(f"{spec.hba}/9.3/main/pg_hba.conf", node))


def dns_records(fleet: FleetSpec) -> Mapping[str, str]:
    """Give the address of each name that must resolve; all others have none, the retired ones among them."""
    known = {f"{host}.{fleet.domain}": ADDRESS for host in fleet.hosts}
    for host in fleet.hosts.values():
        retired, dns = host.sections.get("retired_names"), host.sections.get("dns")
        if retired and retired.witness:
            known[retired.witness] = ADDRESS
        if dns:
            known[dns.name] = ADDRESS if dns.address == "audited" else dns.address
    return known


@dataclass(frozen=True, slots=True)
class StaticDnsTransport:
    """A transport that knows some `names` itself, and no other name; it asks `inner` everything else."""

    inner: Transport
    names: Mapping[str, str]

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:
        """Ask `host`; raises HostFailed as `inner` does."""
        lookups: dict[Probe, Answer] = {one: self._look_up(one) for one in probes if isinstance(one, Lookup)}
        rest = tuple(probe for probe in probes if probe not in lookups)
        return Answers({**self.inner.ask(host, rest, deadline), **lookups})

    def close(self) -> None:
        """Close `inner`."""
        self.inner.close()

    def _look_up(self, lookup: Lookup) -> Answered:
        address = self.names.get(lookup.name)
        back = {address: sorted(name for name, one in self.names.items() if one == address)} if address else {}
        return Answered(json.dumps({"addresses": [*back], "names": back}))
