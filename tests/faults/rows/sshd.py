"""Faults of a real sshd: algorithms, host keys, logins and sessions."""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Iterator
from typing import Any

from tests.faults.hosts import account, file
from tests.faults.row import Expectation, Fails, Finds, Inject, Kind, Passes, Row, Target
from tests.faults.scene import ADDRESS, Scene
from tests.faults.sshd import real, running, sshd
from tests.transport.sshd import keygen


def _row(id_: str, title: str, expect: Expectation, inject: Inject, **more: Any) -> Row:
    return Row(id_, title, Kind.SSHD, expect, inject, **{"run": "sshd", **more})


# --- host keys -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _known_differently(scene: Scene, kind: str, marker: str = "") -> Iterator[Target]:
    """Run an sshd whose key known_hosts does not have: another key, or (`marker`) a line more about its own."""
    with running(scene) as (port, _):
        other = keygen(scene.row_folder() / "other", kind)
        known = scene.known(port) if marker else scene.known(port, other)
        lines = (known, f"{marker} {known}") if marker else (known,)
        yield Target((f"HostName {ADDRESS}", f"Port {port}"), lines)


@contextlib.contextmanager
def _unknown(scene: Scene) -> Iterator[Target]:
    with running(scene) as (port, _):
        yield Target((f"HostName {ADDRESS}", f"Port {port}"))


@contextlib.contextmanager
def _revoked_by_file(scene: Scene) -> Iterator[Target]:
    """Name the host's key in RevokedHostKeys, as OpenSSH honours it."""
    with running(scene) as (port, _):
        revoked = scene.row_folder() / "revoked"
        shutil.copy(scene.host_key.with_suffix(".pub"), revoked)
        yield scene.target(port, f"RevokedHostKeys {revoked}")


@contextlib.contextmanager
def _excluded(scene: Scene) -> Iterator[Target]:
    """Know the host's key for all hosts but this one."""
    with running(scene) as (port, _):
        words = scene.known(port).split()
        known = scene.row_folder() / "known_hosts"
        known.write_text(f"*,![{ADDRESS}]:{port} {words[1]} {words[2]}\n", encoding="ascii")
        yield Target((f"HostName {ADDRESS}", f"Port {port}", f"UserKnownHostsFile {known}"))


@contextlib.contextmanager
def _several_keys(scene: Scene) -> Iterator[Target]:
    """Know the host by two keys, of which it presents the second."""
    with running(scene) as (port, _):
        other = keygen(scene.row_folder() / "other")
        yield Target((f"HostName {ADDRESS}", f"Port {port}"), (scene.known(port, other), scene.known(port)))


_HOST_KEYS = (
    _row("hostkey-unknown", "The host key is in no known_hosts file", Fails("hostkey", "is unknown"), _unknown),
    _row(
        "hostkey-changed",
        "The host presents another key than the known one",
        Fails("hostkey", "CHANGED"),
        lambda scene: _known_differently(scene, "ed25519"),
    ),
    _row(
        "hostkey-other-type",
        "The host is known by a key of another type",
        Fails("hostkey", "CHANGED"),
        lambda scene: _known_differently(scene, "ecdsa"),
    ),
    _row(
        "hostkey-revoked-line",
        "A @revoked line of known_hosts names the host key",
        Fails("hostkey", "revokes"),
        lambda scene: _known_differently(scene, "ed25519", "@revoked"),
    ),
    _row(
        "hostkey-revoked-file",
        "RevokedHostKeys names the host key",
        Fails("hostkey", "revoke"),
        _revoked_by_file,
    ),
    _row(
        "hostkey-excluded",
        "A negated pattern of known_hosts excludes the host",
        Fails("hostkey", "is unknown"),
        _excluded,
    ),
    _row("hostkey-second-line", "The host is known by two keys, and presents one", Passes(), _several_keys),
)

# --- algorithms ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _sha1_signatures(scene: Scene) -> Iterator[Target]:
    """Let the host sign with RSA and SHA-1 only."""
    key = keygen(scene.row_folder() / "rsa", "rsa")
    config = (f"HostKey {key}", "HostKeyAlgorithms ssh-rsa")
    with running(scene, *config) as (port, _):
        yield scene.target(port, key=key)


_ALGORITHMS = (
    _row(
        "kex-sha1-only",
        "The server offers a SHA-1 key exchange only",
        Fails("ssh", "diffie-hellman-group14-sha1"),
        real("KexAlgorithms diffie-hellman-group14-sha1"),
    ),
    _row(
        "ciphers-cbc-only",
        "The server offers CBC ciphers only",
        Fails("ssh", "aes256-cbc"),
        real("Ciphers aes256-cbc"),
    ),
    _row(
        "macs-md5-only",
        "The server offers HMAC-MD5 only",
        Fails("ssh", "hmac-md5"),
        real("Ciphers aes128-ctr", "MACs hmac-md5"),
    ),
    _row("hostkey-sha1-only", "The host signs with RSA and SHA-1 only", Fails("ssh", "ssh-rsa"), _sha1_signatures),
    _row(
        "rekey-each-kilobyte",
        "The server exchanges keys anew after each kilobyte",
        Passes(),
        real("RekeyLimit 1K"),
    ),
)

# --- logins ----------------------------------------------------------------------------------------------------

_LOCKED = "sed -i 's|^audit:[*]|audit:!|' /etc/shadow"
_EXPIRED = "sed -i 's|^audit:.*|audit:*:19000:0:99999:7::1:|' /etc/shadow"
_PAM = "account required pam_unix.so\nsession required pam_permit.so\nauth required pam_permit.so\n"


def _pam(text: str, more: str = "") -> str:
    return file("/etc/pam.d/sshd", text) + more


@contextlib.contextmanager
def _many_keys(scene: Scene) -> Iterator[Target]:
    """Offer two wrong keys to a server that ends the connection after one."""
    wrong = [keygen(scene.row_folder() / f"wrong{number}") for number in range(2)]
    with sshd(scene, "MaxAuthTries 1", client=tuple(f"IdentityFile {key}" for key in wrong)) as target:
        yield target


_LOGINS = (
    _row(
        "key-refused",
        "The key is not in authorized_keys",
        Fails("auth", "did not let"),
        real(setup="echo >/run/authorized_keys"),
    ),
    _row("no-such-user", "The user does not exist", Fails("auth", "did not let"), real(client=("User nonesuch",))),
    _row("user-not-allowed", "AllowUsers names others", Fails("auth", "did not let"), real("AllowUsers root")),
    _row(
        "key-expired",
        "The key of authorized_keys has expired",
        Fails("auth", "did not let"),
        real(setup="sed -i 's/^/expiry-time=\"20200101\" /' /run/authorized_keys"),
    ),
    _row(
        "key-from-elsewhere",
        "The key is accepted from another address only",
        Fails("auth", "did not let"),
        real(setup="sed -i 's/^/from=\"192.0.2.1\" /' /run/authorized_keys"),
    ),
    _row(
        "password-only",
        "The server accepts passwords only",
        Fails("auth", "only password"),
        real("PubkeyAuthentication no", "PasswordAuthentication yes"),
    ),
    _row(
        "keyboard-interactive-only",
        "The server accepts keyboard-interactive only",
        Fails("auth", "only keyboard-interactive"),
        real(
            "UsePAM yes",
            "PubkeyAuthentication no",
            "KbdInteractiveAuthentication yes",
            setup=_pam(_PAM),
        ),
    ),
    _row(
        "second-factor",
        "The server asks for a password after the key",
        Fails("auth", "also asks for password"),
        real("AuthenticationMethods publickey,password", "PasswordAuthentication yes"),
    ),
    _row("too-many-keys", "The server hangs up after one wrong key", Fails("auth", "IdentitiesOnly"), _many_keys),
    _row("account-locked", "The account is locked", Fails("auth", "did not let"), real(setup=_LOCKED)),
    _row(
        "account-expired",
        "The account has expired (PAM)",
        Fails("auth", "did not let"),
        real("UsePAM yes", setup=_pam(_PAM, _EXPIRED)),
    ),
    _row(
        "pam-delay",
        "PAM takes a minute for each login",
        Fails("timeout", "did not finish the login"),
        real("UsePAM yes", setup=_pam(f"account required pam_exec.so /bin/sleep 60\n{_PAM}")),
    ),
    _row(
        "nologin-file",
        "/etc/nologin is there while the host shuts down",
        Fails("auth", "did not let"),
        real(
            "UsePAM yes",
            setup=_pam(f"account required pam_nologin.so\n{_PAM}", file("/etc/nologin", "Shutting down\n")),
        ),
    ),
    _row(
        "banner-200k",
        "The server sends a login banner of 200 kB",
        Passes(),
        real("Banner /run/banner", setup="yes 'Authorized use only' | head -c 200000 >/run/banner"),
    ),
    _row(
        "banner-1m",
        "The server breaks off because its login banner has 1 MB",
        Fails("auth", "hung up"),
        real("Banner /run/banner", setup="yes 'Authorized use only' | head -c 1000000 >/run/banner"),
    ),
)

# --- sessions --------------------------------------------------------------------------------------------------

_NO_COMMAND = "no command is run there"

_SESSIONS = (
    _row("sessions-none", "MaxSessions is 0", Fails("ssh", "MaxSessions"), real("MaxSessions 0")),
    _row("sessions-one", "MaxSessions is 1", Passes(), real("MaxSessions 1")),
    _row(
        "forced-command",
        "ForceCommand runs another program",
        Fails("ssh", _NO_COMMAND),
        real("ForceCommand echo 'This account is for backups only' >&2"),
    ),
    _row(
        "forced-in-authorized-keys",
        "authorized_keys runs another program",
        Fails("ssh", _NO_COMMAND),
        real(setup="sed -i 's|^|command=\"/bin/true\",restrict |' /run/authorized_keys"),
    ),
    _row(
        "forced-sftp",
        "ForceCommand is internal-sftp",
        Fails("ssh", _NO_COMMAND),
        real("ForceCommand internal-sftp", "Subsystem sftp internal-sftp"),
    ),
    _row(
        "forced-sleep",
        "ForceCommand runs a program that hangs",
        Fails("timeout", "answers nothing within"),
        real("ForceCommand sleep 600"),
    ),
    _row(
        "shell-false",
        "The login shell is /bin/false",
        Fails("ssh", _NO_COMMAND),
        real(setup=account("/bin/false")),
    ),
    _row(
        "shell-nologin",
        "The login shell is nologin",
        Fails("ssh", "not available"),
        real(setup=account("/usr/sbin/nologin")),
    ),
    _row(
        "shell-missing",
        "The login shell does not exist",
        Fails("auth", "did not let"),
        real(setup=account("/bin/none")),
    ),
    _row(
        "bashrc-exit",
        ".bashrc ends the shell",
        Fails("ssh", _NO_COMMAND),
        real(setup=account("/bin/bash") + file("/home/audit/.bashrc", "exit 3\n")),
    ),
    _row(
        "bashrc-noise",
        ".bashrc prints 200 kB",
        Passes(),
        real(setup=account("/bin/bash") + file("/home/audit/.bashrc", "yes 'Welcome!' | head -c 200000\n")),
    ),
    _row(
        "bashrc-endless",
        ".bashrc prints without end",
        Finds("host.hostname", "unknown", "more than 4 MiB", ("path.", "disk.")),
        real(setup=account("/bin/bash") + file("/home/audit/.bashrc", "yes 'Welcome!'\n")),
    ),
    _row(
        "bashrc-asks",
        ".bashrc waits for an answer",
        Fails("timeout", "answers nothing within"),
        real(setup=account("/bin/bash") + file("/home/audit/.bashrc", "sleep 600\n")),
    ),
    _row("home-missing", "The home directory does not exist", Passes(), real(setup="rm -r /home/audit")),
    _row(
        "sh-missing",
        "The host has no /bin/sh",
        Fails("ssh", _NO_COMMAND),
        real(setup=account("/bin/bash") + "mount --bind /run/authorized_keys /bin/sh"),
    ),
    _row(
        "locale-odd",
        "The host sets a locale and a character set that do not exist",
        Passes(),
        real("SetEnv LANG=xx_XX.EBCDIC LC_ALL=tlh LANGUAGE=tlh TZ=Nowhere/None"),
    ),
    _row(
        "environment-odd",
        "The host sets variables that change what GNU's programs print",
        Passes(),
        real("SetEnv POSIXLY_CORRECT=1 DF_BLOCK_SIZE=human QUOTING_STYLE=c TIME_STYLE=iso COLUMNS=10"),
    ),
    _row("path-empty", "The host sets an empty PATH", Passes(), real("SetEnv PATH=/nonexistent")),
)

# --- the server itself -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _busy(scene: Scene) -> Iterator[Target]:
    """Hold as many connections before their login as the server takes."""
    with running(scene, "MaxStartups 2:100:2") as (port, _), contextlib.ExitStack() as held:
        for _ in range(2):
            connection = held.enter_context(socket.create_connection((ADDRESS, port)))
            assert connection.recv(4) == b"SSH-"
        yield scene.target(port)


_STOPPED = "(while :; do for pid in $(pgrep sshd); do [ $pid = 1 ] || kill -STOP $pid; done; done) &"

_SERVER = (
    _row("max-startups", "The server drops logins above MaxStartups", Fails("ssh", "MaxStartups"), _busy),
    _row(
        "stopped-before-greeting",
        "The server's process is stopped (SIGSTOP) before it greets",
        Fails("timeout", "greeting"),
        real("MaxStartups 100", setup=_STOPPED.replace("[ $pid = 1 ] || ", ""), greets=False),
    ),
)

ROWS: tuple[Row, ...] = (*_HOST_KEYS, *_ALGORITHMS, *_LOGINS, *_SESSIONS, *_SERVER)
