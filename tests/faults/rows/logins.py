"""Faults of a real sshd: logins and sessions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tests.faults.hosts import account, file
from tests.faults.row import Expectation, Fails, Finds, Inject, Kind, Passes, Row, Target
from tests.faults.scene import Scene
from tests.faults.sshd import real, sshd
from tests.transport.sshd import keygen


def _row(id_: str, title: str, expect: Expectation, inject: Inject, **more: Any) -> Row:
    return Row(id_, title, Kind.SSHD, expect, inject, **{"run": "logins", **more})


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
        Fails("auth", "rejected the login of"),
        real(setup="echo >/run/authorized_keys"),
    ),
    _row(
        "no-such-user",
        "The user does not exist",
        Fails("auth", "rejected the login of"),
        real(client=("User nonesuch",)),
    ),
    _row(
        "user-not-allowed",
        "AllowUsers names others",
        Fails("auth", "rejected the login of"),
        real("AllowUsers root"),
    ),
    _row(
        "key-expired",
        "The key of authorized_keys has expired",
        Fails("auth", "rejected the login of"),
        real(setup="sed -i 's/^/expiry-time=\"20200101\" /' /run/authorized_keys"),
    ),
    _row(
        "key-from-elsewhere",
        "The key is accepted from another address only",
        Fails("auth", "rejected the login of"),
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
        "The server requires a password after the key",
        Fails("auth", "also requires password"),
        real("AuthenticationMethods publickey,password", "PasswordAuthentication yes"),
    ),
    _row(
        "too-many-keys", "The server disconnects after one wrong key", Fails("auth", "IdentitiesOnly"), _many_keys
    ),
    _row("account-locked", "The account is locked", Fails("auth", "rejected the login of"), real(setup=_LOCKED)),
    _row(
        "account-expired",
        "The account has expired (PAM)",
        Fails("auth", "rejected the login of", "closed the connection during the login"),
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
        "/etc/nologin exists while the host shuts down",
        Fails("auth", "rejected the login of", "closed the connection during the login"),
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
        "The server disconnects because its login banner has 1 MB",
        Fails("auth", "closed the connection during the login"),
        real("Banner /run/banner", setup="yes 'Authorized use only' | head -c 1000000 >/run/banner"),
    ),
)

# --- sessions --------------------------------------------------------------------------------------------------

_NO_COMMAND = "the host runs no command"

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
        Fails("timeout", "answered nothing within"),
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
        Fails("auth", "rejected the login of"),
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
        ".bashrc hangs",
        Fails("timeout", "answered nothing within"),
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

ROWS: tuple[Row, ...] = (*_LOGINS, *_SESSIONS)
