"""ProxyCommand and ProxyJump: what carries a connection to a real sshd, and the reason when it fails."""

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
    """Make a ProxyCommand that connects to %h %p, as nc does."""
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


def running_with(word: str) -> list[str]:
    """List the processes whose arguments contain a word."""
    done = subprocess.run(["ps", "-ewwo", "pid,args"], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if word in line]


@contextlib.contextmanager
def children_end(word: str) -> Iterator[None]:
    """Hold that no process with `word` is left afterwards."""
    yield
    until = time.monotonic() + 2
    while (left := running_with(word)) and time.monotonic() < until:
        time.sleep(0.02)
    assert left == []


# --- ProxyCommand --------------------------------------------------------------------------------------------


def test_a_proxy_command_carries_the_connection(server: Sshd, bridge: str) -> None:
    with children_end(bridge.split()[2]):
        answers = ask(server.config(f"ProxyCommand {bridge}"), HELLO, ConnectionProbe.ADDRESS)
    assert answers == {
        HELLO: Answered("hello\n"),
        ConnectionProbe.ADDRESS: Unanswered("reached through its ProxyCommand, so not at an address of ours"),
    }


def test_a_proxy_command_is_a_command_line_of_the_shell(server: Sshd, bridge: str, tmp_path: Path) -> None:
    mark = tmp_path / "a mark"
    config = server.config(f'ProxyCommand sh -c \'echo "%r at %n" > "{mark}"; exec {bridge}\'')
    assert ask(config)[HELLO] == Answered("hello\n")
    assert mark.read_text().endswith(" at host\n")


def test_large_answers_pass_through_a_proxy_command(server: Sshd, bridge: str) -> None:
    large = Command(("head", "-c", "1000000", "/dev/zero"))
    assert ask(server.config(f"ProxyCommand {bridge}"), large)[large] == Answered("\0" * 1_000_000)


def test_the_real_ssh_works_as_a_proxy_command(server: Sshd) -> None:
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
            "sh -c 'printf \"SSH-2.0-x\\r\\n\"; echo gone >&2; exit 7'",
            "the ProxyCommand ended with status 7: gone",
        ),
    ],
)
def test_why_a_proxy_command_failed_is_the_reason(server: Sshd, command: str, message: str) -> None:
    reason, text = failure(server.config(f"ProxyCommand {command}"))
    assert reason is FailureReason.SSH
    assert message in text


def test_a_proxy_command_that_hangs_is_killed_at_the_deadline(server: Sshd) -> None:
    started = time.monotonic()
    with children_end("sleep 4343"):
        reason, text = failure(server.config("ProxyCommand sh -c 'trap \"\" HUP; sleep 4343; true'"), seconds=1)
    assert time.monotonic() - started < 2
    assert reason is FailureReason.TIMEOUT
    assert "the ProxyCommand runs, but no SSH greeting came within 1 s" in text


def test_what_a_hanging_proxy_command_wrote_is_the_reason(server: Sshd) -> None:
    with children_end("sleep 4444"):
        reason, text = failure(server.config("ProxyCommand sh -c 'echo waiting >&2; sleep 4444'"), seconds=1)
    assert reason is FailureReason.TIMEOUT
    assert text.endswith("sent no SSH greeting within 1 s: the ProxyCommand wrote: waiting")


def test_a_proxy_command_that_floods_stderr_is_bounded(server: Sshd) -> None:
    with children_end("yes flood"):
        _, text = failure(server.config("ProxyCommand sh -c 'exec yes flood >&2'"), seconds=1)
    assert len(text) < 600


def test_without_the_user_s_shell_the_reason_says_so(server: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/nonexistent/shell")
    reason, text = failure(server.config("ProxyCommand nc %h %p"))
    assert (reason, text) == (
        FailureReason.SSH,
        "ProxyCommand cannot be run by /nonexistent/shell: No such file or directory",
    )


def test_no_descriptor_is_left_by_failed_proxies(server: Sshd) -> None:
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
    """Write an ssh_config in which `host` is reached as `host` says, and `jump` as `jump` says."""
    file = server.folder / "config-jumping"
    file.write_text(server.config(*jump, name="jump").read_text() + server.config(*host).read_text())
    return file


def test_a_jump_host_can_be_behind_a_proxy_command(server: Sshd, bridge: str) -> None:
    config = jumping(server, [f"ProxyCommand {bridge}"], "ProxyJump jump")
    with children_end(bridge.split()[2]):
        assert ask(config)[HELLO] == Answered("hello\n")


def test_a_jump_host_s_proxy_outlives_the_deadline_of_a_host(server: Sshd, bridge: str) -> None:
    transport = SshTransport(SshConfig(jumping(server, [f"ProxyCommand {bridge}"], "ProxyJump jump")))
    assert transport.ask("host", (HELLO,), Deadline.after(3))[HELLO] == Answered("hello\n")
    time.sleep(3.6)
    assert len(running_with(bridge.split()[2])) == 1
    assert transport.ask("host", (HELLO,), Deadline.after(10))[HELLO] == Answered("hello\n")
    with children_end(bridge.split()[2]):
        transport.close()


@pytest.mark.parametrize("jump", ["{user}@localhost:{port}", "ssh://{user}@localhost:{port}", "jump:{port},jump"])
def test_jump_hosts_are_named_as_ssh_names_them(server: Sshd, jump: str) -> None:
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    config = jumping(server, [], f"ProxyJump {jump.format(user=user, port=server.port)}")
    config.write_text(config.read_text().replace("Host jump\n", "Host jump localhost\n"))
    assert ask(config)[HELLO] == Answered("hello\n")


@pytest.mark.parametrize(("jump", "host"), [("jump", "jump"), ("host", "jump")])
def test_jump_hosts_in_a_circle_are_a_reason(server: Sshd, jump: str, host: str) -> None:
    started = time.monotonic()
    reason, text = failure(jumping(server, [f"ProxyJump {jump}"], f"ProxyJump {host}"), seconds=8)
    assert time.monotonic() - started < 4
    assert reason is FailureReason.SSH
    assert "ProxyJump goes in a circle" in text


def test_a_jump_host_that_forwards_nothing_says_so(tmp_path: Path) -> None:
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
def test_why_a_jump_host_could_not_connect_is_the_reason(
    server: Sshd, lines: list[str], reason: FailureReason, why: str
) -> None:
    lines = [line.format(closed=free_port()) for line in lines]
    got, text = failure(jumping(server, [], "ProxyJump jump", *lines))
    assert text.startswith("the jump host jump could not connect to ")
    assert why in text
    assert got is reason


def test_hosts_behind_a_dead_jump_host_fail_together(server: Sshd) -> None:
    """Each has its own deadline: one that waited for another's attempt does not wait for an attempt of its own."""
    config = jumping(server, ["ProxyCommand sh -c 'sleep 1; echo dead >&2; exit 1'"], "ProxyJump jump")
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
