"""Connections to an sshd through ProxyCommand and ProxyJump, and the reasons of their failures."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from olaudit.model import Answer, Answered, Command, ConnectionProbe, FailureReason, Probe, Unanswered
from olaudit.transport import Deadline, HostFailed
from olaudit.transport.ssh import SshTransport
from olaudit.transport.ssh.settings import SshConfig
from tests.transport.sshd import Sshd, free_port, running

HELLO = Command(("echo", "hello"))
_BRIDGE = """\
import os, socket, sys, threading
peer = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def up():
    while data := os.read(0, 65536):
        peer.sendall(data)
    os._exit(0)
threading.Thread(target=up, daemon=True).start()
while data := peer.recv(65536):
    os.write(1, data)
"""


@pytest.fixture
def bridge(tmp_path: Path) -> str:
    """Write a ProxyCommand that connects to %h %p, as nc does."""
    (tmp_path / "bridge.py").write_text(_BRIDGE)
    return f"python3 -S {tmp_path}/bridge.py %h %p"


def ask(config: Path, *probes: Probe, seconds: float = 10) -> dict[Probe, Answer]:
    transport = SshTransport(SshConfig(config))
    try:
        return dict(transport.ask("host", probes or (HELLO,), Deadline.after(seconds)))
    finally:
        transport.close()


def failure(config: Path, seconds: float = 10) -> tuple[FailureReason, str]:
    with pytest.raises(HostFailed) as caught:
        ask(config, seconds=seconds)
    failed = caught.value.failure
    return failed.reason, failed.message


def processes_with(argument: str) -> list[str]:
    """List the processes whose arguments contain `argument`."""
    done = subprocess.run(["ps", "-ewwo", "pid,args"], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if argument in line]


@contextlib.contextmanager
def no_process_left(argument: str) -> Iterator[None]:
    """Assert that no process with `argument` remains after the context."""
    yield
    until = time.monotonic() + 2
    while (processes := processes_with(argument)) and time.monotonic() < until:
        time.sleep(0.02)
    assert processes == []


# --- ProxyCommand --------------------------------------------------------------------------------------------


def test_proxy_command_carries_the_connection(server: Sshd, bridge: str) -> None:
    with no_process_left(bridge.split()[2]):
        answers = ask(server.config(f"ProxyCommand {bridge}"), HELLO, ConnectionProbe.ADDRESS)
    assert answers == {
        HELLO: Answered("hello\n"),
        ConnectionProbe.ADDRESS: Unanswered(
            "reached through its ProxyCommand, so the address of the host is not known"
        ),
    }


def test_proxy_command_is_run_by_the_shell(server: Sshd, bridge: str, tmp_path: Path) -> None:
    marker = tmp_path / "a marker"
    config = server.config(f'ProxyCommand sh -c \'echo "%r at %n" > "{marker}"; exec {bridge}\'')
    assert ask(config)[HELLO] == Answered("hello\n")
    assert marker.read_text().endswith(" at host\n")


def test_large_answers_pass_through_a_proxy_command(server: Sshd, bridge: str) -> None:
    large = Command(("head", "-c", "1000000", "/dev/zero"))
    assert ask(server.config(f"ProxyCommand {bridge}"), large)[large] == Answered("\0" * 1_000_000)


def test_ssh_works_as_a_proxy_command(server: Sshd) -> None:
    jump = server.config(name="jump")
    config = server.config(f"ProxyCommand ssh -F {jump} -W %h:%p jump")
    assert ask(config)[HELLO] == Answered("hello\n")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("sh -c 'echo no route >&2; exit 3'", "the ProxyCommand ended with status 3: no route"),
        ("false", "the ProxyCommand ended with status 1 and wrote no error"),
        ("true", "the ProxyCommand ended with status 0 and wrote no error"),
        ("sh -c 'kill -9 $$'", "the ProxyCommand was killed by signal 9 and wrote no error"),
        ("/nonexistent/nc %h", "the ProxyCommand ended with status 127: "),
        ("sh -c 'echo HTTP/1.1 400 Bad; sleep 0.3'", "it sent: HTTP/1.1 400 Bad"),
        (
            "sh -c 'printf \"SSH-2.0-x\\r\\n\"; echo failed >&2; exit 7'",
            "the ProxyCommand ended with status 7: failed",
        ),
    ],
)
def test_failed_proxy_command_is_explained(server: Sshd, command: str, message: str) -> None:
    reason, text = failure(server.config(f"ProxyCommand {command}"))
    assert reason is FailureReason.SSH
    assert message in text


def test_hanging_proxy_command_is_killed_at_the_deadline(server: Sshd) -> None:
    started = time.monotonic()
    with no_process_left("sleep 4343"):
        reason, text = failure(server.config("ProxyCommand sh -c 'trap \"\" HUP; sleep 4343; true'"), seconds=1)
    assert time.monotonic() - started < 2
    assert reason is FailureReason.TIMEOUT
    assert "the ProxyCommand runs, but no SSH greeting came within 1 s" in text


def test_stderr_of_a_hanging_proxy_command_is_the_reason(server: Sshd) -> None:
    with no_process_left("sleep 4444"):
        reason, text = failure(server.config("ProxyCommand sh -c 'echo waiting >&2; sleep 4444'"), seconds=1)
    assert reason is FailureReason.TIMEOUT
    assert text.endswith("sent no SSH greeting within 1 s: the ProxyCommand wrote: waiting")


def test_flood_on_stderr_of_a_proxy_command_is_bounded(server: Sshd) -> None:
    with no_process_left("yes flood"):
        _, text = failure(server.config("ProxyCommand sh -c 'exec yes flood >&2'"), seconds=1)
    assert len(text) < 600


def test_missing_user_shell_is_reported(server: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/nonexistent/shell")
    reason, text = failure(server.config("ProxyCommand nc %h %p"))
    assert (reason, text) == (
        FailureReason.SSH,
        "ProxyCommand cannot be run by /nonexistent/shell: No such file or directory",
    )


def test_failed_proxy_commands_leak_no_descriptor(server: Sshd) -> None:
    config = SshConfig(server.config("ProxyCommand false"))
    transport = SshTransport(config)

    def attempt() -> None:
        with contextlib.suppress(HostFailed):
            transport.ask("host", (HELLO,), Deadline.after(5))

    attempt()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        attempt()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1


# --- ProxyJump -----------------------------------------------------------------------------------------------


def jumping(server: Sshd, jump: list[str], *host: str) -> Path:
    """Write an ssh_config with the options `host` for `host`, and the options `jump` for the jump host."""
    file = server.folder / "config-jumping"
    file.write_text(server.config(*jump, name="jump").read_text() + server.config(*host).read_text())
    return file


def test_jump_host_behind_a_proxy_command_is_reached(server: Sshd, bridge: str) -> None:
    config = jumping(server, [f"ProxyCommand {bridge}"], "ProxyJump jump")
    with no_process_left(bridge.split()[2]):
        assert ask(config)[HELLO] == Answered("hello\n")


def test_proxy_of_a_jump_host_outlives_the_deadline_of_a_host(server: Sshd, bridge: str) -> None:
    transport = SshTransport(SshConfig(jumping(server, [f"ProxyCommand {bridge}"], "ProxyJump jump")))
    assert transport.ask("host", (HELLO,), Deadline.after(3))[HELLO] == Answered("hello\n")
    time.sleep(3.6)
    assert len(processes_with(bridge.split()[2])) == 1
    assert transport.ask("host", (HELLO,), Deadline.after(10))[HELLO] == Answered("hello\n")
    with no_process_left(bridge.split()[2]):
        transport.close()


@pytest.mark.parametrize("jump", ["{user}@localhost:{port}", "ssh://{user}@localhost:{port}", "jump:{port},jump"])
def test_jump_hosts_have_the_syntax_of_ssh(server: Sshd, jump: str) -> None:
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    config = jumping(server, [], f"ProxyJump {jump.format(user=user, port=server.port)}")
    config.write_text(config.read_text().replace("Host jump\n", "Host jump localhost\n"))
    assert ask(config)[HELLO] == Answered("hello\n")


@pytest.mark.parametrize(("jump", "host"), [("jump", "jump"), ("host", "jump")])
def test_cycle_of_jump_hosts_is_reported(server: Sshd, jump: str, host: str) -> None:
    started = time.monotonic()
    reason, text = failure(jumping(server, [f"ProxyJump {jump}"], f"ProxyJump {host}"), seconds=8)
    assert time.monotonic() - started < 4
    assert reason is FailureReason.SSH
    assert "ProxyJump contains a cycle" in text


def test_jump_host_without_forwarding_is_reported(tmp_path: Path) -> None:
    with running(tmp_path / "sshd", ["AllowTcpForwarding no"]) as server:
        reason, text = failure(jumping(server, [], "ProxyJump jump"))
    assert reason is FailureReason.SSH
    assert "the jump host jump does not forward connections (" in text
    assert text.endswith("see AllowTcpForwarding and PermitOpen in its sshd_config")


@pytest.mark.parametrize(
    ("lines", "reason", "why"),
    [
        (["Port {closed}"], FailureReason.REFUSED, ": Connection refused"),
        (["HostName ol-web9.invalid"], FailureReason.DNS, ": "),
    ],
)
def test_failed_connection_from_a_jump_host_is_explained(
    server: Sshd, lines: list[str], reason: FailureReason, why: str
) -> None:
    lines = [line.format(closed=free_port()) for line in lines]
    actual, text = failure(jumping(server, [], "ProxyJump jump", *lines))
    assert text.startswith("the jump host jump could not connect to ")
    assert why in text
    assert actual is reason


def test_hosts_behind_a_dead_jump_host_share_one_attempt(server: Sshd) -> None:
    """A host that waited for a failed attempt of another host does not start a second attempt."""
    config = jumping(server, ["ProxyCommand sh -c 'sleep 1; echo failed >&2; exit 1'"], "ProxyJump jump")
    transport = SshTransport(SshConfig(config))

    def attempt(_: int) -> str:
        with pytest.raises(HostFailed) as caught:
            transport.ask("host", (HELLO,), Deadline.after(5))
        return caught.value.failure.message

    started = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        messages = set(pool.map(attempt, range(6)))
    assert time.monotonic() - started < 3
    assert len(messages) == 1
    assert "at the jump host jump: " in messages.pop()
