"""Reasons of failures over SSH: correct, complete, bounded and on one line for any server."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from olaudit.model import Command, FailureReason
from olaudit.transport import Deadline, HostFailed
from olaudit.transport.reasons import describe_error, format_names, single_line
from olaudit.transport.ssh import SshTransport
from olaudit.transport.ssh.algorithms import Offer, filter_allowed
from olaudit.transport.ssh.link import Link
from olaudit.transport.ssh.settings import SshConfig
from tests.transport.sshd import Sshd, keygen, running

HELLO = Command(("echo", "hello"))
Handler = Callable[[socket.socket], object]


def failure(config: Path, seconds: float = 10) -> tuple[FailureReason, str]:
    """Audit a host that fails, and assert that its reason is complete."""
    transport = SshTransport(SshConfig(config))
    started = time.monotonic()
    try:
        with pytest.raises(HostFailed) as caught:
            transport.ask("host", (HELLO,), Deadline.after(seconds))
    finally:
        transport.close()
    assert time.monotonic() - started < seconds + 1
    failed = caught.value.failure
    assert_complete(failed.message)
    return failed.reason, failed.message


def assert_complete(message: str) -> None:
    assert message == single_line(message, 1500)
    assert not re.search(r"[:;,(]\s*$|: ?[;,:)]|\(\)|None|Error\(", message), message


@contextlib.contextmanager
def serving(handle: Handler) -> Iterator[int]:
    """Pass each connection on a port to `handle`, then close it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, contextlib.suppress(OSError):
                        handle(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        port: int = server.getsockname()[1]
        yield port
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def sending(data: bytes) -> Handler:
    """Build a handler that sends `data`. It also reads all input, so that closing causes no reset."""

    def handle(connection: socket.socket) -> None:
        connection.sendall(data)
        connection.settimeout(0.2)
        with contextlib.suppress(OSError):
            while connection.recv(65536):
                pass

    return handle


def key_exchange(**lists: bytes) -> bytes:
    """Build the offer of a server, with `lists` in place of the default algorithms."""
    algorithms = {
        "kex": b"curve25519-sha256@libssh.org,ext-info-s",
        "key": b"ssh-ed25519",
        "cipher": b"aes128-ctr",
        "mac": b"hmac-sha2-256",
        "compression": b"none",
    } | lists
    order = ("kex", "key", "cipher", "cipher", "mac", "mac", "compression", "compression")
    names = b"".join(len(algorithms[key]).to_bytes(4, "big") + algorithms[key] for key in order)
    payload = b"\x14" + bytes(16) + names + bytes(8) + b"\0" + bytes(4)
    padding = 8 - (len(payload) + 5) % 8 + 8
    return (len(payload) + padding + 1).to_bytes(4, "big") + bytes([padding]) + payload + bytes(padding)


BANNER = b"SSH-2.0-OpenSSH_9.2\r\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "closed 4 connections before its SSH greeting: too many logins at once"),
        (b"Exceeded MaxStartups\r\n", "SSH greeting, with 'Exceeded MaxStartups': too many logins at once"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it sent: HTTP/1.1 400 Bad Request"),
        (b"\r\n\r\n", "it sent: whitespace"),
        (b"\xff\x00\x1b[31m" * 100, "it sent: \\xff"),
        (b"SSH-1.5-old\r\n", "SSH-1.5-old: Incompatible version (1.5 instead of 2.0)"),
        (BANNER, "SSH-2.0-OpenSSH_9.2: it closed the connection during the key exchange"),
        (BANNER + b"\0" * 64, "SSH-2.0-OpenSSH_9.2: "),
        (BANNER + b"\xff" * 64, "SSH-2.0-OpenSSH_9.2: "),
        (
            BANNER + key_exchange(kex=b"diffie-hellman-group1-sha1,ext-info-s"),
            "no common key exchange method: it offers diffie-hellman-group1-sha1; olaudit offers curve25519",
        ),
        (
            BANNER + key_exchange(key=b"ssh-dss"),
            "no common host key algorithm: it offers ssh-dss; olaudit offers ssh-ed25519",
        ),
        (
            BANNER.replace(b"9.2", b"6.6") + key_exchange(key=b"ssh-rsa"),
            "; OpenSSH 6.6 signs with SHA-1 only: give it an ed25519 host key",
        ),
        (BANNER + key_exchange(cipher=b"arcfour,a-cbc"), "no common cipher: it offers arcfour, a-cbc; "),
        (BANNER + key_exchange(mac=b"hmac-md5"), "no common MAC: it offers hmac-md5; olaudit offers hmac-sha2"),
        (BANNER + key_exchange(compression=b"zlib"), "no common compression: it offers zlib; olaudit offers none"),
        (BANNER + key_exchange(mac=b""), "no common MAC: it offers none; "),
        (
            BANNER + key_exchange(cipher=b",".join([b"x" * 500] * 40)),
            f"it offers {'x' * 64}, {'x' * 64}",
        ),
    ],
    ids=range(17),
)  # fmt: skip
def test_early_failure_has_a_complete_reason(server: Sshd, data: bytes, reason: str) -> None:
    with serving(sending(data)) as port:
        actual, message = failure(server.config(f"Port {port}"))
    assert actual is FailureReason.SSH
    assert reason in message


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the connection was accepted, but no SSH greeting came within 1 s"),
        (b"SSH-2", "no SSH greeting came within 1 s"),
        (BANNER, "SSH-2.0-OpenSSH_9.2, did not complete the key exchange within 1 s"),
        (BANNER + key_exchange(), "SSH-2.0-OpenSSH_9.2, did not complete the key exchange within 1 s"),
    ],
    ids=range(4),
)
def test_server_that_stops_answering_is_a_timeout(server: Sshd, data: bytes, reason: str) -> None:
    stop = threading.Event()

    def handle(connection: socket.socket) -> None:
        connection.sendall(data)
        stop.wait(5)

    with serving(handle) as port:
        actual, message = failure(server.config(f"Port {port}"), seconds=1)
        stop.set()
    assert actual is FailureReason.TIMEOUT
    assert reason in message


def test_timeout_after_drops_names_the_drops(server: Sshd) -> None:
    stop = threading.Event()
    connections = iter(range(99))

    def handle(connection: socket.socket) -> None:
        if next(connections):
            stop.wait(5)
        else:
            sending(b"")(connection)

    with serving(handle) as port:
        actual, message = failure(server.config(f"Port {port}"), seconds=2)
        stop.set()
    assert actual is FailureReason.TIMEOUT
    assert "no SSH greeting came within 2 s" in message
    assert message.endswith("; it had closed 1 connection before its SSH greeting")


class _LoginServer(paramiko.ServerInterface):
    """Server that accepts no login: it "refuses", "closes" or "hangs"."""

    def __init__(self, behaviour: str) -> None:
        self.behaviour = behaviour

    def get_allowed_auths(self, _username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, _username: str, _key: paramiko.PKey) -> int:
        if self.behaviour == "hangs":
            time.sleep(3)
        if self.behaviour == "closes":
            raise EOFError
        return paramiko.common.AUTH_FAILED


@pytest.mark.parametrize(
    ("behaviour", "expected", "text"),
    [
        ("refuses", FailureReason.AUTH, " rejected the login of "),
        ("closes", FailureReason.AUTH, "closed the connection during the login of "),
        ("hangs", FailureReason.TIMEOUT, "did not finish the login within 2 s"),
    ],
)
def test_failed_login_has_the_correct_reason(
    server: Sshd, behaviour: str, expected: FailureReason, text: str
) -> None:
    key = paramiko.PKey.from_path(server.folder / "host_key")

    def handle(connection: socket.socket) -> None:
        link = Link(connection, Offer())
        link.add_server_key(key)
        with contextlib.suppress(paramiko.SSHException, EOFError):
            link.start_server(server=_LoginServer(behaviour))
            link.join(4)
        link.close()

    with serving(handle) as port:
        host_key = (server.folder / "host_key.pub").read_text()
        known_hosts = server.folder / "known_hosts-login"
        known_hosts.write_text(f"[127.0.0.1]:{port} {host_key}")
        reason, message = failure(server.config(f"Port {port}", f"UserKnownHostsFile {known_hosts}"), seconds=2)
    assert reason is expected, message
    assert text in message


# --- the agent and certificates ------------------------------------------------------------------------------


def test_hanging_agent_does_not_block_key_files(server: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "agent"
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(path))
        agent.listen()
        config = server.config(f"IdentityAgent {path}")
        with contextlib.closing(SshTransport(SshConfig(config))) as transport:
            assert transport.ask("host", (HELLO,), Deadline.after(4))
        other = keygen(tmp_path / "other")
        config.write_text(config.read_text().replace(str(server.identity), str(other)))
        _, message = failure(config, seconds=2)
    assert f"the agent at {path}: timed out" in message


@pytest.mark.parametrize(("reply", "reason"), [(b"", "lost ssh-agent"), (b"\0\0\0\1\5", "could not get keys")])
def test_failing_agent_is_named(server: Sshd, tmp_path: Path, reply: bytes, reason: str) -> None:
    path = tmp_path / "agent"
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(path))
        agent.listen()

        def serve() -> None:
            with agent.accept()[0] as connection:
                connection.recv(5)
                connection.sendall(reply)

        threading.Thread(target=serve, daemon=True).start()
        other = keygen(tmp_path / "other")
        config = server.config(f"IdentityAgent {path}")
        config.write_text(config.read_text().replace(str(server.identity), str(other)))
        failure_reason, message = failure(config)
    assert failure_reason is FailureReason.AUTH
    assert f"the agent at {path}: {reason}" in message


@pytest.mark.parametrize("configured", [True, False])
def test_certificate_logs_in(tmp_path: Path, configured: bool) -> None:
    authority, key = keygen(tmp_path / "authority"), keygen(tmp_path / "key")
    sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "test", "-n", "auditor,root", f"{key}.pub"]
    assert os.spawnvp(os.P_WAIT, "ssh-keygen", sign) == 0
    with running(tmp_path / "sshd", [f"TrustedUserCAKeys {authority}.pub"]) as server:
        certificate = Path(f"{key}-cert.pub")
        lines = [f"IdentityFile {key}"]
        if configured:
            certificate = certificate.rename(tmp_path / "certificate")
            lines.append(f"CertificateFile {certificate}")
        config = server.config(*lines)
        config.write_text(config.read_text().replace(f"IdentityFile {server.identity}", "Compression no"))
        transport = SshTransport(SshConfig(config))
        with contextlib.closing(transport):
            assert transport.ask("host", (HELLO,), Deadline.after(10))
        if configured:
            certificate.write_text("no certificate\n")
            assert f"{certificate}: it is not a certificate: " in failure(config)[1]


def test_pubkey_accepted_algorithms_exclude_keys(server: Sshd) -> None:
    reason, message = failure(server.config("PubkeyAcceptedAlgorithms rsa-sha2-512"))
    assert reason is FailureReason.AUTH
    assert f"{server.identity}: PubkeyAcceptedAlgorithms does not allow it" in message


# --- rendering -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (EOFError(), "the connection was closed"),
        (OSError(), "OSError without a message"),
        (OSError(errno.EPIPE, os.strerror(errno.EPIPE)), "Broken pipe"),
        (OSError("socket is closed"), "socket is closed"),
        (TimeoutError(), "timed out"),
        (ConnectionResetError(), "the connection was reset"),
        (paramiko.SSHException(""), "SSHException without a message"),
        (paramiko.SSHException("two\nlines: "), "two lines"),
        (ValueError(":"), "ValueError without a message"),
        (None, "the connection was closed"),
    ],
)
def test_description_of_an_error_is_never_empty(error: Exception | None, text: str) -> None:
    assert describe_error(error) == text


def test_lists_of_another_program_are_bounded() -> None:
    assert format_names(["a", "", "b"]) == "a, b"
    assert format_names([]) == format_names([""]) == "none"
    assert format_names([str(n) for n in range(20)], 3) == "0, 1, 2, 17 more"
    assert single_line(b"\xff\n x" * 200, 10) == "\\xff x\\xff"


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("", ("aes128-ctr", "aes256-ctr")),
        ("aes256-ctr,other", ("aes256-ctr",)),
        ("+aes128-cbc", ("aes128-ctr", "aes256-ctr")),
        ("^aes256-ctr", ("aes128-ctr", "aes256-ctr")),
        ("-aes128*", ("aes256-ctr",)),
        ("aes*", ("aes128-ctr", "aes256-ctr")),
        ("other", ()),
    ],
)
def test_algorithm_lists_have_the_semantics_of_ssh_config(setting: str, names: tuple[str, ...]) -> None:
    assert filter_allowed(("aes128-ctr", "aes256-ctr"), setting) == names


def test_curve25519_is_allowed_by_both_its_names() -> None:
    assert filter_allowed(("curve25519-sha256@libssh.org",), "curve25519-sha256") == (
        "curve25519-sha256@libssh.org",
    )


def test_offer_shares_algorithms_with_openssh_6_6() -> None:
    """The defaults of Ubuntu 14.04 and the offer have a safe algorithm of each kind in common."""
    offer = Offer()
    assert {"curve25519-sha256@libssh.org", "ecdh-sha2-nistp256"} <= set(offer.kex)
    assert {"aes128-ctr", "aes256-ctr", "aes128-gcm@openssh.com"} <= set(offer.ciphers)
    assert {"hmac-sha2-256", "hmac-sha2-256-etm@openssh.com"} <= set(offer.macs)
    assert {"ssh-ed25519", "ecdsa-sha2-nistp256"} <= set(offer.host_keys)


def test_no_weak_algorithm_is_offered() -> None:
    offer = Offer()
    names = " ".join((*offer.kex, *offer.ciphers, *offer.macs, *offer.host_keys))
    assert not re.search(r"cbc|3des|md5|arcfour|group1-|group14-sha1|ssh-rsa|ssh-dss|-96", names)
