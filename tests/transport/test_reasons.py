"""Reasons over SSH: true, complete, on one line and bounded for any server."""

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
from olaudit.transport.reasons import describe, listed, one_line
from olaudit.transport.ssh import SshTransport
from olaudit.transport.ssh.algorithms import Offer, allowed
from olaudit.transport.ssh.link import Link
from olaudit.transport.ssh.settings import SshConfig
from tests.transport.sshd import Sshd, keygen, running

HELLO = Command(("echo", "hello"))
Serve = Callable[[socket.socket], object]


def failure(config: Path, seconds: float = 10) -> tuple[FailureReason, str]:
    """Ask a host, and hold that its reason is complete."""
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
    assert message == one_line(message, 1500)
    assert not re.search(r"[:;,(]\s*$|: ?[;,:)]|\(\)|None|Error\(", message), message


@contextlib.contextmanager
def serving(serve: Serve) -> Iterator[int]:
    """Hand each connection on a port to `serve`, then close it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, contextlib.suppress(OSError):
                        serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        port: int = server.getsockname()[1]
        yield port
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def sends(data: bytes) -> Serve:
    """Send bytes, then close; what the client sent is read, so that closing is no reset."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(data)
        connection.settimeout(0.2)
        with contextlib.suppress(OSError):
            while connection.recv(65536):
                pass

    return serve


def key_exchange(**lists: bytes) -> bytes:
    """Build the offer of a server whose lists differ from the usual ones."""
    usual = {
        "kex": b"curve25519-sha256@libssh.org,ext-info-s",
        "key": b"ssh-ed25519",
        "cipher": b"aes128-ctr",
        "mac": b"hmac-sha2-256",
        "compression": b"none",
    } | lists
    order = ("kex", "key", "cipher", "cipher", "mac", "mac", "compression", "compression")
    names = b"".join(len(usual[one]).to_bytes(4, "big") + usual[one] for one in order)
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
        (b"\r\n\r\n", "it sent: blanks"),
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
def test_a_server_that_fails_early_gives_a_complete_reason(server: Sshd, data: bytes, reason: str) -> None:
    with serving(sends(data)) as port:
        got, message = failure(server.config(f"Port {port}"))
    assert got is FailureReason.SSH
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
def test_a_server_that_falls_silent_is_a_timeout(server: Sshd, data: bytes, reason: str) -> None:
    stop = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.sendall(data)
        stop.wait(5)

    with serving(serve) as port:
        got, message = failure(server.config(f"Port {port}"), seconds=1)
        stop.set()
    assert got is FailureReason.TIMEOUT
    assert reason in message


class _Login(paramiko.ServerInterface):
    """A server that accepts no login."""

    def __init__(self, how: str) -> None:
        self.how = how

    def get_allowed_auths(self, _username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, _username: str, _key: paramiko.PKey) -> int:
        if self.how == "hangs":
            time.sleep(3)
        if self.how == "closes":
            raise EOFError
        return paramiko.common.AUTH_FAILED


@pytest.mark.parametrize(
    ("how", "got", "text"),
    [
        ("refuses", FailureReason.AUTH, "did not let "),
        ("closes", FailureReason.AUTH, "closed the connection during the login of "),
        ("hangs", FailureReason.TIMEOUT, "did not finish the login within 2 s"),
    ],
)
def test_a_login_that_fails_gives_its_true_reason(server: Sshd, how: str, got: FailureReason, text: str) -> None:
    key = paramiko.PKey.from_path(server.folder / "host_key")

    def serve(connection: socket.socket) -> None:
        link = Link(connection, Offer())
        link.add_server_key(key)
        with contextlib.suppress(paramiko.SSHException, EOFError):
            link.start_server(server=_Login(how))
            link.join(4)
        link.close()

    with serving(serve) as port:
        host_key = (server.folder / "host_key.pub").read_text()
        known = server.folder / "known-here"
        known.write_text(f"[127.0.0.1]:{port} {host_key}")
        reason, message = failure(server.config(f"Port {port}", f"UserKnownHostsFile {known}"), seconds=2)
    assert reason is got, message
    assert text in message


# --- the agent and certificates ------------------------------------------------------------------------------


def test_an_agent_that_hangs_delays_no_key_file(server: Sshd, tmp_path: Path) -> None:
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


@pytest.mark.parametrize(("reply", "why"), [(b"", "lost ssh-agent"), (b"\0\0\0\1\5", "could not get keys")])
def test_an_agent_that_fails_is_named(server: Sshd, tmp_path: Path, reply: bytes, why: str) -> None:
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
        reason, message = failure(config)
    assert reason is FailureReason.AUTH
    assert f"the agent at {path}: {why}" in message


@pytest.mark.parametrize("named", [True, False])
def test_a_certificate_logs_in_as_with_ssh(tmp_path: Path, named: bool) -> None:
    authority, key = keygen(tmp_path / "authority"), keygen(tmp_path / "key")
    sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "test", "-n", "auditor,root", f"{key}.pub"]
    assert os.spawnvp(os.P_WAIT, "ssh-keygen", sign) == 0
    with running(tmp_path / "sshd", [f"TrustedUserCAKeys {authority}.pub"]) as server:
        certificate = Path(f"{key}-cert.pub")
        lines = [f"IdentityFile {key}"]
        if named:
            certificate = certificate.rename(tmp_path / "certificate")
            lines.append(f"CertificateFile {certificate}")
        config = server.config(*lines)
        config.write_text(config.read_text().replace(f"IdentityFile {server.identity}", "Compression no"))
        transport = SshTransport(SshConfig(config))
        with contextlib.closing(transport):
            assert transport.ask("host", (HELLO,), Deadline.after(10))
        if named:
            certificate.write_text("no certificate\n")
            assert f"{certificate}: it is not a certificate: " in failure(config)[1]


def test_pubkey_accepted_algorithms_leave_out_keys(server: Sshd) -> None:
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
def test_an_error_is_described_by_some_text(error: Exception | None, text: str) -> None:
    assert describe(error) == text


def test_lists_of_another_program_are_bounded() -> None:
    assert listed(["a", "", "b"]) == "a, b"
    assert listed([]) == listed([""]) == "none"
    assert listed([str(n) for n in range(20)], 3) == "0, 1, 2, 17 more"
    assert one_line(b"\xff\n x" * 200, 10) == "\\xff x\\xff"


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("", ("aes128-ctr", "aes256-ctr")),
        ("aes256-ctr,other", ("aes256-ctr",)),
        ("+aes128-cbc", ("aes128-ctr", "aes256-ctr")),
        ("^aes256-ctr", ("aes128-ctr", "aes256-ctr")),
        ("-aes128*", ("aes256-ctr",)),
        ("aes*", ("aes128-ctr", "aes256-ctr")),
        ("none-of-it", ()),
    ],
)
def test_algorithm_lists_allow_what_ssh_config_says(setting: str, names: tuple[str, ...]) -> None:
    assert allowed(("aes128-ctr", "aes256-ctr"), setting) == names


def test_curve25519_is_known_by_both_its_names() -> None:
    assert allowed(("curve25519-sha256@libssh.org",), "curve25519-sha256") == ("curve25519-sha256@libssh.org",)


def test_openssh_6_6_has_each_kind_of_algorithm() -> None:
    """Ubuntu 14.04's defaults; what it shares with this client has to include a safe choice of each kind."""
    offer = Offer()
    assert {"curve25519-sha256@libssh.org", "ecdh-sha2-nistp256"} <= set(offer.kex)
    assert {"aes128-ctr", "aes256-ctr", "aes128-gcm@openssh.com"} <= set(offer.ciphers)
    assert {"hmac-sha2-256", "hmac-sha2-256-etm@openssh.com"} <= set(offer.macs)
    assert {"ssh-ed25519", "ecdsa-sha2-nistp256"} <= set(offer.host_keys)


def test_no_weak_algorithm_is_offered() -> None:
    offer = Offer()
    names = " ".join((*offer.kex, *offer.ciphers, *offer.macs, *offer.host_keys))
    assert not re.search(r"cbc|3des|md5|arcfour|group1-|group14-sha1|ssh-rsa|ssh-dss|-96", names)
