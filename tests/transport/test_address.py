"""Address of a host, and name lookups in parallel with the commands of the host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from olaudit.model import Answer, Answered, Command, ConnectionProbe, Lookup, Probe, Unanswered
from olaudit.transport import Deadline
from olaudit.transport.local import LocalTransport
from olaudit.transport.ssh import SshTransport
from olaudit.transport.ssh.settings import SshConfig
from tests.transport.sshd import Sshd

HELLO = Command(("echo", "hello"))


def ask(config: Path, *probes: Probe) -> dict[Probe, Answer]:
    transport = SshTransport(SshConfig(config))
    try:
        return dict(transport.ask("host", probes, Deadline.after(10)))
    finally:
        transport.close()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_address_is_the_resolved_address_of_the_host(server: Sshd, name: str, tmp_path: Path) -> None:
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"[{name}]:{server.port} {(server.folder / 'host_key.pub').read_text()}")
    config = server.config(f"HostName {name}", f"UserKnownHostsFile {known_hosts}")
    assert ask(config, ConnectionProbe.ADDRESS) == {ConnectionProbe.ADDRESS: Answered("127.0.0.1")}


def test_address_behind_a_jump_host_is_unanswered(server: Sshd) -> None:
    config = server.folder / "config-behind-jump"
    jump = server.config(name="jump").read_text()
    config.write_text(jump + server.config("ProxyJump jump").read_text())
    answers = ask(config, HELLO, ConnectionProbe.ADDRESS)
    reason = "reached through the jump host jump, so the address of the host is not known"
    assert answers == {HELLO: Answered("hello\n"), ConnectionProbe.ADDRESS: Unanswered(reason)}


def test_address_of_the_local_machine_is_unanswered() -> None:
    answer = LocalTransport().ask("host", (ConnectionProbe.ADDRESS,), Deadline.after(10))[ConnectionProbe.ADDRESS]
    assert answer == Unanswered(
        "the host was audited locally, without a connection whose address could be recorded"
    )


def test_lookups_are_answered_beside_commands(server: Sshd) -> None:
    answers = ask(server.config(), HELLO, Lookup("localhost"))
    assert answers[HELLO] == Answered("hello\n")
    addresses = answers[Lookup("localhost")]
    assert isinstance(addresses, Answered)
    assert json.loads(addresses.stdout)["addresses"]
