"""Names of the simulated fleet, which no resolver of this machine has."""

from __future__ import annotations

import json

import pytest

from olaudit.demo.listener import ADDRESS
from olaudit.demo.network import StaticDnsTransport, dns_records
from olaudit.model import Answered, Answers, ConnectionProbe, Lookup, Probe
from olaudit.transport import Deadline
from tests.demo.auditing import shipped_fleet


class _HostNameTransport:
    """Transport that answers each probe with the name of the host."""

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:  # noqa: ARG002 - unused
        return Answers(dict.fromkeys(probes, Answered(host)))

    def close(self) -> None:
        raise KeyError


def test_only_names_of_the_fleet_resolve() -> None:
    transport = StaticDnsTransport(_HostNameTransport(), dns_records(shipped_fleet()))
    current, retired = Lookup("ol-mem0.us.archive.org"), Lookup("ol-mem5.us.archive.org")
    answers = transport.ask("ol-mem0", (current, retired, ConnectionProbe.ADDRESS), Deadline.after(1))
    assert answers[ConnectionProbe.ADDRESS] == Answered("ol-mem0")
    assert answers[retired] == Answered(json.dumps({"addresses": [], "names": {}}))
    answer = answers[current]
    assert isinstance(answer, Answered)
    assert json.loads(answer.stdout)["addresses"] == [ADDRESS]
    assert current.name in json.loads(answer.stdout)["names"][ADDRESS]
    with pytest.raises(KeyError):
        transport.close()
