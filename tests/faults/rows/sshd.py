"""Faults of a real sshd: host keys, algorithms, and servers that are stopped or busy."""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Iterator
from typing import Any

from tests.faults.row import AllOk, ExpectedOutcome, Inject, Kind, Row, Target, Unreachable
from tests.faults.scene import ADDRESS, Scene
from tests.faults.sshd import real_sshd, running
from tests.transport.sshd import keygen


def _row(id_: str, title: str, expect: ExpectedOutcome, inject: Inject, **more: Any) -> Row:
    return Row(id_, title, Kind.SSHD, expect, inject, **{"run": "sshd", **more})


# --- host keys -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _other_known_hosts(scene: Scene, kind: str, marker: str = "") -> Iterator[Target]:
    """Run an sshd with another known key, or with an additional `marker` line for its key in known_hosts."""
    with running(scene) as (port, _):
        other = keygen(scene.row_folder() / "other", kind)
        known_line = scene.known_hosts_line(port) if marker else scene.known_hosts_line(port, other)
        lines = (known_line, f"{marker} {known_line}") if marker else (known_line,)
        yield Target((f"HostName {ADDRESS}", f"Port {port}"), lines)


@contextlib.contextmanager
def _unknown(scene: Scene) -> Iterator[Target]:
    with running(scene) as (port, _):
        yield Target((f"HostName {ADDRESS}", f"Port {port}"))


@contextlib.contextmanager
def _revoked_by_file(scene: Scene) -> Iterator[Target]:
    """List the host's key in the file of RevokedHostKeys."""
    with running(scene) as (port, _):
        revoked = scene.row_folder() / "revoked"
        shutil.copy(scene.host_key.with_suffix(".pub"), revoked)
        yield scene.target(port, f"RevokedHostKeys {revoked}")


@contextlib.contextmanager
def _excluded(scene: Scene) -> Iterator[Target]:
    """Write known_hosts with the host's key for all hosts except this one."""
    with running(scene) as (port, _):
        fields = scene.known_hosts_line(port).split()
        known_line = scene.row_folder() / "known_hosts"
        known_line.write_text(f"[{ADDRESS}]:*,![{ADDRESS}]:{port} {fields[1]} {fields[2]}\n", encoding="ascii")
        yield Target((f"HostName {ADDRESS}", f"Port {port}", f"UserKnownHostsFile {known_line}"))


@contextlib.contextmanager
def _several_keys(scene: Scene) -> Iterator[Target]:
    """Write known_hosts with two keys of the host, which presents the second."""
    with running(scene) as (port, _):
        other = keygen(scene.row_folder() / "other")
        yield Target(
            (f"HostName {ADDRESS}", f"Port {port}"),
            (scene.known_hosts_line(port, other), scene.known_hosts_line(port)),
        )


_HOST_KEYS = (
    _row(
        "hostkey-unknown", "The host key is in no known_hosts file", Unreachable("hostkey", "is unknown"), _unknown
    ),
    _row(
        "hostkey-changed",
        "The host presents another key than the known one",
        Unreachable("hostkey", "CHANGED"),
        lambda scene: _other_known_hosts(scene, "ed25519"),
    ),
    _row(
        "hostkey-other-type",
        "The host is known by a key of another type",
        Unreachable("hostkey", "CHANGED"),
        lambda scene: _other_known_hosts(scene, "ecdsa"),
    ),
    _row(
        "hostkey-revoked-line",
        "A @revoked line of known_hosts names the host key",
        Unreachable("hostkey", "revokes"),
        lambda scene: _other_known_hosts(scene, "ed25519", "@revoked"),
    ),
    _row(
        "hostkey-revoked-file",
        "RevokedHostKeys names the host key",
        Unreachable("hostkey", "revoke"),
        _revoked_by_file,
    ),
    _row(
        "hostkey-excluded",
        "A negated pattern of known_hosts excludes the host",
        Unreachable("hostkey", "is unknown"),
        _excluded,
    ),
    _row("hostkey-second-line", "The host is known by two keys and presents one", AllOk(), _several_keys),
)

# --- algorithms ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _sha1_signatures(scene: Scene) -> Iterator[Target]:
    """Run an sshd that signs with RSA and SHA-1 only."""
    key = keygen(scene.row_folder() / "rsa", "rsa")
    config = (f"HostKey {key}", "HostKeyAlgorithms ssh-rsa")
    with running(scene, *config) as (port, _):
        yield scene.target(port, key=key)


_ALGORITHMS = (
    _row(
        "kex-sha1-only",
        "The server offers a SHA-1 key exchange only",
        Unreachable("ssh", "diffie-hellman-group14-sha1"),
        real_sshd("KexAlgorithms diffie-hellman-group14-sha1"),
    ),
    _row(
        "ciphers-cbc-only",
        "The server offers CBC ciphers only",
        Unreachable("ssh", "aes256-cbc"),
        real_sshd("Ciphers aes256-cbc"),
    ),
    _row(
        "macs-md5-only",
        "The server offers HMAC-MD5 only",
        Unreachable("ssh", "hmac-md5"),
        real_sshd("Ciphers aes128-ctr", "MACs hmac-md5"),
    ),
    _row(
        "hostkey-sha1-only",
        "The host signs with RSA and SHA-1 only",
        Unreachable("ssh", "ssh-rsa"),
        _sha1_signatures,
    ),
    _row(
        "rekey-each-kilobyte",
        "The server repeats the key exchange after each kilobyte",
        AllOk(),
        real_sshd("RekeyLimit 1K"),
    ),
)

# --- the server itself -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _busy(scene: Scene) -> Iterator[Target]:
    """Keep as many unauthenticated connections open as the server accepts."""
    with running(scene, "MaxStartups 2:100:2") as (port, _), contextlib.ExitStack() as connections:
        for _ in range(2):
            connection = connections.enter_context(socket.create_connection((ADDRESS, port)))
            assert connection.recv(4) == b"SSH-"
        yield scene.target(port)


_STOPPED = "(while :; do for pid in $(pgrep sshd); do [ $pid = 1 ] || kill -STOP $pid; done; done) &"

_SERVER = (
    _row("max-startups", "The server drops logins above MaxStartups", Unreachable("ssh", "MaxStartups"), _busy),
    _row(
        "stopped-before-greeting",
        "The server's process is stopped (SIGSTOP) before it greets",
        Unreachable("timeout", "greeting"),
        real_sshd("MaxStartups 100", setup=_STOPPED.replace("[ $pid = 1 ] || ", ""), greets=False),
    ),
)

ROWS: tuple[Row, ...] = (*_HOST_KEYS, *_ALGORITHMS, *_SERVER)
