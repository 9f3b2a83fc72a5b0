"""Audits of OpenSSH servers on loopback: every failure has a reason that explains how to fix it."""

from __future__ import annotations

import contextlib
import errno
import getpass
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko
import pytest

from olaudit.facts.containers import FIELDS
from olaudit.model import (
    Answer,
    Answered,
    Command,
    ContainerFields,
    EngineVersion,
    FailureReason,
    Probe,
    Unanswered,
)
from olaudit.transport import Deadline, HostFailed
from olaudit.transport.batch import build_script
from olaudit.transport.ssh import SshTransport
from olaudit.transport.ssh.link import BufferedSocket
from olaudit.transport.ssh.settings import SshConfig
from tests.transport.sshd import Sshd, free_port, keygen, running

HELLO = Command(("echo", "hello"))


def ask(config: Path, *probes: Probe, host: str = "host", seconds: float = 10) -> dict[Probe, Answer]:
    transport = SshTransport(SshConfig(config))
    try:
        return dict(transport.ask(host, probes or (HELLO,), Deadline.after(seconds)))
    finally:
        transport.close()


def failure(config: Path, reason: FailureReason, host: str = "host", seconds: float = 10) -> str:
    with pytest.raises(HostFailed) as caught:
        ask(config, host=host, seconds=seconds)
    assert caught.value.failure.reason is reason, caught.value.failure
    assert "\n" not in caught.value.failure.message
    return caught.value.failure.message


@contextlib.contextmanager
def listening(greeting: bytes | None) -> Iterator[int]:
    """Accept connections on a port: send `greeting` and close, or (None) send nothing and keep them open."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        open_connections = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    if greeting is None:
                        open_connections.append(connection)
                    else:
                        connection.sendall(greeting)
                        connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port: int = server.getsockname()[1]
        yield port
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for connection in open_connections:
            connection.close()


# --- answers -------------------------------------------------------------------------------------------------


def test_commands_are_answered_over_ssh(server: Sshd) -> None:
    missing = Command(("cat", "/nonexistent"), may_hang=True, statuses=(0, 1))
    assert ask(server.config(), HELLO, missing) == {
        HELLO: Answered("hello\n"),
        missing: Answered("", "cat: /nonexistent: No such file or directory", 1),
    }


def test_connection_without_probes_succeeds(server: Sshd) -> None:
    transport = SshTransport(SshConfig(server.config()))
    assert not transport.ask("host", (), Deadline.after(10))


def test_large_answers_are_complete(server: Sshd) -> None:
    large = Command(("head", "-c", "1000000", "/dev/zero"))
    assert ask(server.config(), large)[large] == Answered("\0" * 1_000_000)


def test_oversized_stream_loses_only_its_own_answer(server: Sshd) -> None:
    endless = Command(("cat", "/dev/zero"), may_hang=True)
    assert ask(server.config(), HELLO, endless) == {
        HELLO: Answered("hello\n"),
        endless: Unanswered("its answer was larger than 1 MiB"),
    }


def test_endless_output_is_cut_off(server: Sshd) -> None:
    endless = Command(("cat", "/dev/zero"))
    assert ask(server.config(), HELLO, endless)[endless] == Unanswered("the host answered with more than 4 MiB")


def test_answers_before_the_deadline_are_kept(server: Sshd) -> None:
    slow = Command(("sleep", "5"), may_hang=True)
    assert ask(server.config(), HELLO, slow, seconds=2) == {
        HELLO: Answered("hello\n"),
        slow: Unanswered("no answer within 2 s"),
    }


def test_host_without_any_answer_in_time_has_failed(server: Sshd) -> None:
    transport = SshTransport(SshConfig(server.config()))
    with pytest.raises(HostFailed, match="accepted the login, but answered nothing within 1 s") as caught:
        transport.ask("host", (Command(("sleep", "5")),), Deadline.after(1))
    assert caught.value.failure.reason is FailureReason.TIMEOUT


def test_lost_connection_leaves_the_rest_unanswered(server: Sshd) -> None:
    # Walks up from the command to the shell of the batch, and to the sshd of this session
    kill_sshd = (
        "p=$$; while [ $(cat /proc/$p/comm) != sshd ]; do p=$(ps -o ppid= -p $p | tr -d ' '); done; kill -9 $p"
    )
    disconnect = Command(("sh", "-c", f"sleep 1; {kill_sshd}"), may_hang=True)
    answers = ask(server.config(), HELLO, disconnect)
    assert answers[HELLO] == Answered("hello\n")
    assert isinstance(answers[disconnect], Unanswered)
    assert "the connection ended before this was answered" in str(answers[disconnect])


# --- names, ports, greetings ---------------------------------------------------------------------------------


def test_unknown_name_is_dns(server: Sshd) -> None:
    message = failure(server.config("HostName ol-web9.invalid"), FailureReason.DNS)
    assert message.startswith("the name ol-web9.invalid does not resolve (")
    assert message.endswith("correct DNS, or set HostName in ssh_config")


def test_invalid_name_is_dns(server: Sshd) -> None:
    assert "does not resolve" in failure(server.config(f"HostName {'x' * 70}"), FailureReason.DNS)


def test_hanging_resolver_is_dns(server: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    hang = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: hang.wait(5) and [])
    message = failure(server.config(), FailureReason.DNS, seconds=0.5)
    hang.set()
    assert message.startswith("the resolver did not answer for 127.0.0.1 within 0.5 s")


def test_name_without_addresses_is_dns(server: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: [])
    assert failure(server.config(), FailureReason.DNS) == "127.0.0.1 has no address"


def test_closed_port_is_refused(server: Sshd) -> None:
    port = free_port()
    assert failure(server.config(f"Port {port}"), FailureReason.REFUSED) == (
        f"127.0.0.1 port {port} refuses connections: "
        "the host is up, but is sshd running and listening on that port?"
    )


def test_full_backlog_is_a_timeout(server: Sshd) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)  # noqa: FBT003 - the interface of sockets
            client.connect_ex(("127.0.0.1", port))
        message = failure(server.config(f"Port {port}", "ConnectTimeout 1"), FailureReason.TIMEOUT)
        for client in waiting:
            client.close()
    assert message == (
        f"no answer from 127.0.0.1 port {port} within 1 s: "
        "is the host up, and does a firewall block the connection?"
    )


def fail_connections(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def connect(*_args: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket.socket, "connect", connect)


def test_missing_route_is_a_timeout(server: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_connections(monkeypatch, errno.EHOSTUNREACH)
    assert "(No route to host)" in failure(server.config(), FailureReason.TIMEOUT)


def test_other_connection_error_is_ssh(server: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_connections(monkeypatch, errno.EPERM)
    message = failure(server.config(), FailureReason.SSH)
    assert message == f"cannot connect to 127.0.0.1 port {server.port}: Operation not permitted"


def test_silent_server_is_a_timeout(server: Sshd) -> None:
    with listening(None) as port:
        message = failure(server.config(f"Port {port}"), FailureReason.TIMEOUT, seconds=1)
    assert "the connection was accepted, but no SSH greeting came within 1 s" in message


def test_dropped_connections_are_retried_and_then_ssh(server: Sshd) -> None:
    with listening(b"") as port:
        message = failure(server.config(f"Port {port}"), FailureReason.SSH)
    assert "closed 4 connections before its SSH greeting: too many logins at once (MaxStartups" in message


def test_other_service_on_the_port_is_ssh(server: Sshd) -> None:
    with listening(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200) as port:
        failure(server.config(f"Port {port}"), FailureReason.SSH)


def test_connection_lost_in_the_key_exchange_is_ssh(server: Sshd) -> None:
    with listening(b"SSH-2.0-OpenSSH_9.2\r\n") as port:
        message = failure(server.config(f"Port {port}"), FailureReason.SSH)
    assert "SSH-2.0-OpenSSH_9.2: " in message


def test_burst_of_logins_passes_max_startups(tmp_path: Path) -> None:
    with running(tmp_path / "sshd", ["MaxStartups 3:30:12"]) as server:
        transport = SshTransport(SshConfig(server.config()))
        with ThreadPoolExecutor(12) as pool:
            futures = [pool.submit(transport.ask, "host", (HELLO,), Deadline.after(30)) for _ in range(12)]
            assert all(future.result()[HELLO] == Answered("hello\n") for future in futures)


# --- host keys -----------------------------------------------------------------------------------------------


def test_unknown_host_key_is_refused_with_its_fingerprint(server: Sshd, tmp_path: Path) -> None:
    message = failure(server.config(f"UserKnownHostsFile {tmp_path}/none"), FailureReason.HOSTKEY)
    fingerprint = subprocess.run(
        ["ssh-keygen", "-lf", server.folder / "host_key.pub"], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    assert f"is unknown (no line in {tmp_path}/none): it presents ed25519 {fingerprint}." in message
    assert f"`ssh-keyscan -p {server.port} -t ed25519 127.0.0.1 | ssh-keygen -lf -`" in message


def test_host_key_without_known_hosts_files_is_unknown(server: Sshd) -> None:
    assert "any known_hosts file" in failure(server.config("UserKnownHostsFile none"), FailureReason.HOSTKEY)


def test_changed_host_key_is_refused_with_the_line_to_fix(server: Sshd, tmp_path: Path) -> None:
    other = keygen(tmp_path / "other").with_suffix(".pub").read_text()
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{server.port} {other}")
    message = failure(server.config(f"UserKnownHostsFile {known_hosts}"), FailureReason.HOSTKEY)
    assert f"CHANGED: it presents ed25519 SHA256:" in message  # noqa: F541 - as in the other assertions
    assert f"{known_hosts}:1 has another key" in message
    assert f"`ssh-keygen -R '[127.0.0.1]:{server.port}' -f {known_hosts}`" in message


def test_host_key_of_another_type_has_changed(server: Sshd, tmp_path: Path) -> None:
    other = keygen(tmp_path / "other", "ecdsa").with_suffix(".pub").read_text()
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{server.port} {other}")
    assert "CHANGED" in failure(server.config(f"UserKnownHostsFile {known_hosts}"), FailureReason.HOSTKEY)


def test_revoked_host_key_is_refused(server: Sshd, tmp_path: Path) -> None:
    key = (server.folder / "host_key.pub").read_text()
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"{server.known_hosts.read_text()}@revoked * {key}")
    assert f"{known_hosts}:2 revokes" in failure(
        server.config(f"UserKnownHostsFile {known_hosts}"), FailureReason.HOSTKEY
    )


def test_known_type_of_host_key_is_requested(tmp_path: Path) -> None:
    folder = tmp_path / "sshd"
    folder.mkdir()
    rsa = keygen(tmp_path / "rsa", "rsa")
    with running(folder, [f"HostKey {rsa}"]) as server:
        server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {rsa.with_suffix('.pub').read_text()}")
        assert ask(server.config())[HELLO] == Answered("hello\n")


def test_host_key_alias_replaces_the_name(server: Sshd, tmp_path: Path) -> None:
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text("web " + (server.folder / "host_key.pub").read_text())
    config = server.config("HostKeyAlias web", f"UserKnownHostsFile {known_hosts}")
    assert ask(config)[HELLO] == Answered("hello\n")


@pytest.mark.parametrize(
    ("line", "kind", "theirs"),
    [
        ("Ciphers aes128-cbc,3des-cbc", "cipher", "aes128-cbc, 3des-cbc"),
        ("Ciphers chacha20-poly1305@openssh.com", "cipher", "chacha20-poly1305@openssh.com"),
        ("MACs hmac-md5,hmac-md5-96,umac-64@openssh.com", "MAC", "hmac-md5, hmac-md5-96, umac-64@openssh.com"),
        ("KexAlgorithms diffie-hellman-group14-sha1", "key exchange method", "diffie-hellman-group14-sha1"),
    ],
)
def test_algorithm_mismatch_lists_both_sides(tmp_path: Path, line: str, kind: str, theirs: str) -> None:
    with running(tmp_path / "sshd", [line]) as server:
        message = failure(server.config(), FailureReason.SSH)
    assert f"SSH-2.0-OpenSSH_" in message  # noqa: F541 - as in the other assertions
    assert f": no common {kind}: it offers {theirs}; olaudit offers " in message
    ours = message.partition("olaudit offers ")[2]
    assert "cbc" not in ours
    assert "md5" not in ours


def test_host_key_algorithms_restrict_the_offer(server: Sshd) -> None:
    message = failure(server.config("HostKeyAlgorithms rsa-sha2-512"), FailureReason.SSH)
    assert message.endswith("no common host key algorithm: it offers ssh-ed25519; olaudit offers rsa-sha2-512")


@pytest.mark.parametrize("line", ["Ciphers 3des-cbc", "MACs hmac-md5", "HostKeyAlgorithms ssh-dss"])
def test_unsupported_algorithms_cannot_be_configured(server: Sshd, line: str) -> None:
    message = failure(server.config(line), FailureReason.SSH)
    assert (
        f"ssh_config's {line.split(maxsplit=1)[0]} allows {line.split()[1]}, and olaudit supports only " in message
    )


# --- logging in ----------------------------------------------------------------------------------------------


def test_rejected_key_is_named(server: Sshd, tmp_path: Path) -> None:
    other = keygen(tmp_path / "other")
    config = server.config("User nobody", f"IdentityFile {other}")
    message = failure(config, FailureReason.AUTH)
    assert message == (
        f"host (127.0.0.1:{server.port}) rejected the login of nobody with {other}, {server.identity}; "
        "set User and IdentityFile in ssh_config, or add the key to its authorized_keys"
    )


def test_missing_key_is_reported(server: Sshd, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"Host host\nHostName 127.0.0.1\nPort {server.port}\nUserKnownHostsFile {server.known_hosts}\n"
        "IdentityFile ~/.ssh/none\n"
    )
    message = failure(config, FailureReason.AUTH)
    assert message.startswith("cannot log in to host (")
    assert f" as {getpass.getuser()}: there is no key to try; " in message
    assert f"{tmp_path}/.ssh/none: no such file" in message


def test_key_with_a_passphrase_needs_an_agent(server: Sshd, tmp_path: Path) -> None:
    locked = keygen(tmp_path / "locked", passphrase="secret")
    config = tmp_path / "config"
    config.write_text(server.config().read_text().replace(str(server.identity), str(locked)))
    assert f"{locked}: it needs a passphrase: add it to an agent with ssh-add" in failure(
        config, FailureReason.AUTH
    )


def test_invalid_key_file_is_named(server: Sshd, tmp_path: Path) -> None:
    invalid = tmp_path / "invalid"
    invalid.write_text("no key")
    config = tmp_path / "config"
    config.write_text(server.config().read_text().replace(str(server.identity), str(invalid)))
    assert f"; {invalid}: " in failure(config, FailureReason.AUTH)


@contextlib.contextmanager
def agent(tmp_path: Path, *keys: Path) -> Iterator[str]:
    """Run an ssh-agent with `keys`; yield its socket."""
    sock = tmp_path / "agent.sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", sock], stdout=subprocess.DEVNULL)
    try:
        while not sock.exists():
            pass
        subprocess.run(
            ["ssh-add", *keys], env={**os.environ, "SSH_AUTH_SOCK": str(sock)}, check=True, capture_output=True
        )
        yield str(sock)
    finally:
        process.terminate()
        process.wait(5)


def test_agent_keys_are_used_with_the_configured_one_first(
    server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = keygen(tmp_path / "other")
    locked = tmp_path / "locked"  # only the public key is readable: the agent has to sign
    shutil.copy(f"{server.identity}.pub", f"{locked}.pub")
    config = tmp_path / "config"
    text = server.config().read_text().replace(str(server.identity), str(locked))
    with agent(tmp_path, other, server.identity) as sock:
        monkeypatch.setenv("SSH_AUTH_SOCK", sock)
        config.write_text(text)
        assert ask(config)[HELLO] == Answered("hello\n")
        config.write_text(text.replace("IdentitiesOnly yes", "IdentitiesOnly no").replace(str(locked), "none"))
        assert ask(config)[HELLO] == Answered("hello\n")
        config.write_text(text.replace(str(locked), str(other)))
        assert "agent key test ed25519" in failure(config, FailureReason.AUTH)


def test_further_authentication_method_is_auth(tmp_path: Path) -> None:
    extra = ["AuthenticationMethods publickey,password", "PasswordAuthentication yes"]
    with running(tmp_path / "sshd", extra) as server:
        assert "the host also requires password, which olaudit cannot provide" in failure(
            server.config(), FailureReason.AUTH
        )


def test_server_that_accepts_no_keys_is_auth(tmp_path: Path) -> None:
    with running(tmp_path / "sshd", ["PubkeyAuthentication no", "PasswordAuthentication yes"]) as server:
        assert "the host accepts no keys, only password" in failure(server.config(), FailureReason.AUTH)


def test_too_many_keys_have_a_hint(tmp_path: Path) -> None:
    keys = [keygen(tmp_path / f"key{n}") for n in range(3)]
    with running(tmp_path / "sshd", ["MaxAuthTries 2"]) as server:
        config = server.config(*(f"IdentityFile {key}" for key in keys))
        assert "set IdentitiesOnly in ssh_config" in failure(config, FailureReason.AUTH)


def test_rsa_key_at_an_old_server_has_a_hint(tmp_path: Path) -> None:
    """OpenSSH 6.6 (Ubuntu 14.04) supports RSA signatures with SHA-1 only, which its version shows."""
    rsa = keygen(tmp_path / "rsa", "rsa")
    folder = tmp_path / "sshd"
    with running(folder, ["PubkeyAcceptedAlgorithms ssh-ed25519", "VersionAddendum none"]) as server:
        shutil.copy(rsa.with_suffix(".pub"), folder / "authorized_keys")
        config = tmp_path / "config"
        config.write_text(server.config().read_text().replace(str(server.identity), str(rsa)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("olaudit.transport.ssh.handshake._FIRST_RSA_SHA2_VERSION", (99, 0))
            assert "does not support RSA signatures with SHA-2: use an ed25519 key" in failure(
                config, FailureReason.AUTH
            )


@pytest.mark.parametrize("command", ["echo go away >&2; exit 1", "true"])
def test_account_that_runs_no_command_is_ssh(tmp_path: Path, command: str) -> None:
    with running(tmp_path / "sshd", [f"ForceCommand {command}"]) as server:
        message = failure(server.config(), FailureReason.SSH)
    output = "go away" if "echo" in command else "the session ended without any output"
    assert message == f"the login was accepted, but the host runs no command: {output}"


def test_session_that_ends_before_the_batch_is_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow_build(commands: tuple[Command, ...], marker: str) -> str:
        time.sleep(1)
        return build_script(commands, marker)

    monkeypatch.setattr("olaudit.transport.ssh.build_script", slow_build)
    with running(tmp_path / "sshd", ["ForceCommand echo go away >&2"]) as server:
        message = failure(server.config(), FailureReason.SSH)
    assert message == "the login was accepted, but the host runs no command: go away"


def test_account_without_sessions_is_ssh(tmp_path: Path) -> None:
    with running(tmp_path / "sshd", ["MaxSessions 0"]) as server:
        message = failure(server.config(), FailureReason.SSH)
    assert message.startswith("the login was accepted, but the server opens no session: ")


def test_output_of_a_login_shell_is_ignored(tmp_path: Path) -> None:
    with running(tmp_path / "sshd", ["ForceCommand echo hi; echo ho >&2; eval $SSH_ORIGINAL_COMMAND"]) as server:
        assert ask(server.config())[HELLO] == Answered("hello\n")


# --- jump hosts ----------------------------------------------------------------------------------------------


def jumping(server: Sshd, through: str, *target: str) -> Path:
    """Write an ssh_config in which `host` is behind the jump hosts `through`."""
    jump = server.config(name="jump").read_text()
    file = server.folder / "config-jumping"
    file.write_text(jump + server.config(*target, f"ProxyJump {through}").read_text())
    return file


def test_jump_host_is_connected_to_once(server: Sshd) -> None:
    transport = SshTransport(SshConfig(jumping(server, "jump")))
    before = (server.folder / "log").read_text().count("Accepted publickey")
    for _ in range(3):
        assert transport.ask("host", (HELLO,), Deadline.after(10))[HELLO] == Answered("hello\n")
    assert (server.folder / "log").read_text().count("Accepted publickey") - before == 4
    transport.close()


def test_two_jump_hosts_in_a_row_work(server: Sshd) -> None:
    assert ask(jumping(server, "jump,jump"))[HELLO] == Answered("hello\n")


def test_failure_behind_a_jump_host_is_reported(server: Sshd) -> None:
    message = failure(jumping(server, "jump", f"Port {free_port()}"), FailureReason.REFUSED)
    assert message.startswith("the jump host jump could not connect to 127.0.0.1 port")


def test_silent_host_behind_a_jump_host_is_a_timeout(server: Sshd) -> None:
    with listening(None) as port:
        failure(jumping(server, "jump", f"Port {port}"), FailureReason.TIMEOUT, seconds=1)


def test_failure_of_a_jump_host_is_reported(server: Sshd) -> None:
    file = jumping(server, "jump")
    file.write_text(file.read_text().replace(f"Port {server.port}", f"Port {free_port()}", 1))
    assert failure(file, FailureReason.REFUSED).startswith("at the jump host jump: 127.0.0.1 port ")


@pytest.mark.parametrize("error", [EOFError(), OSError(), paramiko.SSHException()])
def test_closing_after_the_jump_host_raises_no_error(error: Exception) -> None:
    class Channel:
        def close(self) -> None:
            raise error

    BufferedSocket(Channel()).close()


def test_number_of_jump_hosts_is_limited(server: Sshd) -> None:
    message = failure(jumping(server, ",".join(["jump"] * 9)), FailureReason.SSH)
    assert "does ProxyJump contain a cycle?" in message


# --- Docker --------------------------------------------------------------------------------------------------


def test_host_without_docker_loses_only_engine_answers(server: Sshd) -> None:
    if Path("/var/run/docker.sock").exists():
        pytest.skip("a Docker Engine runs on this machine")
    answers = ask(server.config(), HELLO, EngineVersion(), ContainerFields(FIELDS))
    assert answers[HELLO] == Answered("hello\n")
    for query in (EngineVersion(), ContainerFields()):
        assert answers[query] == Unanswered(
            "the Docker Engine is not running there: no process is dockerd; "
            "it was not contacted because connecting could start it"
        )


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        (
            "permission denied while trying to connect to the Docker daemon socket",
            "no permission to use Docker: {0} is not in the docker group of the host "  # noqa: ISC004 - one long reason
            "(usermod -aG docker {0}, then log in again)",
        ),
        (
            "sh: 1: docker: not found",
            "Docker is not installed: the host has neither /var/run/docker.sock nor a docker command",
        ),
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "no Docker Engine listens at /var/run/docker.sock",
        ),
        (
            "dial unix /var/run/docker.sock: connect: no such file or directory",
            "no Docker Engine listens at /var/run/docker.sock",
        ),
        ("out of cheese", "Docker cannot be reached: out of cheese"),
    ],
)
def test_errors_of_the_docker_command_are_explained(
    tmp_path: Path, stderr: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("olaudit.transport.engine.obstacle", lambda _: "")  # no engine runs on this machine
    force = (
        f"""ForceCommand case $SSH_ORIGINAL_COMMAND in *dial-stdio) echo "{stderr}" >&2; exit 1;; *) sh;; esac"""
    )
    with running(tmp_path / "sshd", ["AllowStreamLocalForwarding no", force]) as server:
        answers = ask(server.config(), HELLO, EngineVersion())
    assert answers == {
        HELLO: Answered("hello\n"),
        EngineVersion(): Unanswered(reason.format(getpass.getuser())),
    }
