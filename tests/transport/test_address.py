"""The address at which a host was reached, and names beside the questions that the host answers itself."""

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
def test_a_host_is_reached_at_the_address_that_its_name_resolves_to(
    server: Sshd, name: str, tmp_path: Path
) -> None:
    known = tmp_path / "known"
    known.write_text(f"[{name}]:{server.port} {(server.folder / 'host_key.pub').read_text()}")
    config = server.config(f"HostName {name}", f"UserKnownHostsFile {known}")
    assert ask(config, ConnectionProbe.ADDRESS) == {ConnectionProbe.ADDRESS: Answered("127.0.0.1")}


def test_behind_a_jump_host_the_address_is_not_known_and_all_else_is_answered(server: Sshd) -> None:
    config = server.folder / "config-behind"
    jump = server.config(name="jump").read_text()
    config.write_text(jump + server.config("ProxyJump jump").read_text())
    answers = ask(config, HELLO, ConnectionProbe.ADDRESS)
    reason = "reached through the jump host jump, so not at an address of ours"
    assert answers == {HELLO: Answered("hello\n"), ConnectionProbe.ADDRESS: Unanswered(reason)}


def test_this_very_machine_is_not_reached_at_any_address() -> None:
    answer = LocalTransport().ask("here", (ConnectionProbe.ADDRESS,), Deadline.after(10))[ConnectionProbe.ADDRESS]
    assert answer == Unanswered("asked on this very machine, which was not reached at any address")


def test_names_are_looked_up_here_while_the_host_answers(server: Sshd) -> None:
    answers = ask(server.config(), HELLO, Lookup("localhost"))
    assert answers[HELLO] == Answered("hello\n")
    found = answers[Lookup("localhost")]
    assert isinstance(found, Answered)
    assert json.loads(found.stdout)["addresses"]
