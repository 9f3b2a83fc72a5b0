"""DNS names of the simulated fleet.

No resolver of this machine has these names: `StaticDnsTransport` answers in place of the auditor's resolver.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from olaudit.demo.listener import ADDRESS
from olaudit.expected import FleetSpec
from olaudit.model import Answer, Answered, Answers, Lookup, Probe
from olaudit.transport import Deadline, Transport


def dns_records(fleet: FleetSpec) -> Mapping[str, str]:
    """Map the name of each host to its address. All other names, retired ones too, do not resolve."""
    return {f"{host}.{fleet.domain}": ADDRESS for host in fleet.hosts}


@dataclass(frozen=True, slots=True)
class StaticDnsTransport:
    """Transport that answers lookups from `records` (name to address) and passes other probes to `inner`.

    A name that is not in `records` does not resolve.
    """

    inner: Transport
    records: Mapping[str, str]

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:
        """Answer probes of `host`. Raises HostFailed as `inner` does."""
        lookups: dict[Probe, Answer] = {
            probe: self._resolve(probe) for probe in probes if isinstance(probe, Lookup)
        }
        others = tuple(probe for probe in probes if probe not in lookups)
        return Answers({**self.inner.ask(host, others, deadline), **lookups})

    def close(self) -> None:
        """Close `inner`."""
        self.inner.close()

    def _resolve(self, lookup: Lookup) -> Answered:
        address = self.records.get(lookup.name)
        if not address:
            return Answered(json.dumps({"addresses": [], "names": {}}))
        names = sorted(name for name, target in self.records.items() if target == address)
        return Answered(json.dumps({"addresses": [address], "names": {address: names}}))
