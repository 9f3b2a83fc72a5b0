"""Faults of a real sshd: logins and sessions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tests.faults.hosts import account, file
from tests.faults.row import AllOk, ExpectedFinding, ExpectedOutcome, Inject, Kind, Row, Target, Unreachable
from tests.faults.scene import Scene
from tests.faults.sshd import real_sshd, sshd
from tests.transport.sshd import keygen


def _row(id_: str, title: str, expect: ExpectedOutcome, inject: Inject, **more: Any) -> Row:
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
        Unreachable("auth", "rejected the login of"),
        real_sshd(setup="echo >/run/authorized_keys"),
    ),
    _row(
        "no-such-user",
        "The user does not exist",
        Unreachable("auth", "rejected the login of"),
        real_sshd(client=("User nonesuch",)),
    ),
    _row(
        "user-not-allowed",
        "AllowUsers names others",
        Unreachable("auth", "rejected the login of"),
        real_sshd("AllowUsers root"),
    ),
    _row(
        "key-expired",
        "The key of authorized_keys has expired",
        Unreachable("auth", "rejected the login of"),
        real_sshd(setup="sed -i 's/^/expiry-time=\"20200101\" /' /run/authorized_keys"),
    ),
    _row(
        "key-from-elsewhere",
        "The key is accepted from another address only",
        Unreachable("auth", "rejected the login of"),
        real_sshd(setup="sed -i 's/^/from=\"192.0.2.1\" /' /run/authorized_keys"),
    ),
    _row(
        "password-only",
        "The server accepts passwords only",
        Unreachable("auth", "only password"),
        real_sshd("PubkeyAuthentication no", "PasswordAuthentication yes"),
    ),
    _row(
        "keyboard-interactive-only",
        "The server accepts keyboard-interactive only",
        Unreachable("auth", "only keyboard-interactive"),
        real_sshd(
            "UsePAM yes",
            "PubkeyAuthentication no",
            "KbdInteractiveAuthentication yes",
            setup=_pam(_PAM),
        ),
    ),
    _row(
        "second-factor",
        "The server requires a password after the key",
        Unreachable("auth", "also requires password"),
        real_sshd("AuthenticationMethods publickey,password", "PasswordAuthentication yes"),
    ),
    _row(
        "too-many-keys",
        "The server disconnects after one wrong key",
        Unreachable("auth", "IdentitiesOnly"),
        _many_keys,
    ),
    _row(
        "account-locked",
        "The account is locked",
        Unreachable("auth", "rejected the login of"),
        real_sshd(setup=_LOCKED),
    ),
    _row(
        "account-expired",
        "The account has expired (PAM)",
        Unreachable("auth", "rejected the login of", "closed the connection during the login"),
        real_sshd("UsePAM yes", setup=_pam(_PAM, _EXPIRED)),
    ),
    _row(
        "pam-delay",
        "PAM takes a minute for each login",
        Unreachable("timeout", "did not finish the login"),
        real_sshd("UsePAM yes", setup=_pam(f"account required pam_exec.so /bin/sleep 60\n{_PAM}")),
    ),
    _row(
        "nologin-file",
        "/etc/nologin exists while the host shuts down",
        Unreachable("auth", "rejected the login of", "closed the connection during the login"),
        real_sshd(
            "UsePAM yes",
            setup=_pam(f"account required pam_nologin.so\n{_PAM}", file("/etc/nologin", "Shutting down\n")),
        ),
    ),
    _row(
        "banner-200k",
        "The server sends a login banner of 200 kB",
        AllOk(),
        real_sshd("Banner /run/banner", setup="yes 'Authorized use only' | head -c 200000 >/run/banner"),
    ),
    _row(
        "banner-1m",
        "The server disconnects because its login banner has 1 MB",
        Unreachable("auth", "closed the connection during the login"),
        real_sshd("Banner /run/banner", setup="yes 'Authorized use only' | head -c 1000000 >/run/banner"),
    ),
)

# --- sessions --------------------------------------------------------------------------------------------------

_NO_COMMAND = "the host runs no command"

_SESSIONS = (
    _row("sessions-none", "MaxSessions is 0", Unreachable("ssh", "MaxSessions"), real_sshd("MaxSessions 0")),
    _row("sessions-one", "MaxSessions is 1", AllOk(), real_sshd("MaxSessions 1")),
    _row(
        "forced-command",
        "ForceCommand runs another program",
        Unreachable("ssh", _NO_COMMAND),
        real_sshd("ForceCommand echo 'This account is for backups only' >&2"),
    ),
    _row(
        "forced-in-authorized-keys",
        "authorized_keys runs another program",
        Unreachable("ssh", _NO_COMMAND),
        real_sshd(setup="sed -i 's|^|command=\"/bin/true\",restrict |' /run/authorized_keys"),
    ),
    _row(
        "forced-sftp",
        "ForceCommand is internal-sftp",
        Unreachable("ssh", _NO_COMMAND),
        real_sshd("ForceCommand internal-sftp", "Subsystem sftp internal-sftp"),
    ),
    _row(
        "forced-sleep",
        "ForceCommand runs a program that hangs",
        Unreachable("timeout", "answered nothing within"),
        real_sshd("ForceCommand sleep 600"),
    ),
    _row(
        "shell-false",
        "The login shell is /bin/false",
        Unreachable("ssh", _NO_COMMAND),
        real_sshd(setup=account("/bin/false")),
    ),
    _row(
        "shell-nologin",
        "The login shell is nologin",
        Unreachable("ssh", "not available"),
        real_sshd(setup=account("/usr/sbin/nologin")),
    ),
    _row(
        "shell-missing",
        "The login shell does not exist",
        Unreachable("auth", "rejected the login of"),
        real_sshd(setup=account("/bin/none")),
    ),
    _row(
        "bashrc-exit",
        ".bashrc ends the shell",
        Unreachable("ssh", _NO_COMMAND),
        real_sshd(setup=account("/bin/bash") + file("/home/audit/.bashrc", "exit 3\n")),
    ),
    _row(
        "bashrc-noise",
        ".bashrc prints 200 kB",
        AllOk(),
        real_sshd(setup=account("/bin/bash") + file("/home/audit/.bashrc", "yes 'Welcome!' | head -c 200000\n")),
    ),
    _row(
        "bashrc-endless",
        ".bashrc prints without end",
        ExpectedFinding("host.hostname", "unknown", "more than 4 MiB", ("path.", "disk.")),
        real_sshd(setup=account("/bin/bash") + file("/home/audit/.bashrc", "yes 'Welcome!'\n")),
    ),
    _row(
        "bashrc-asks",
        ".bashrc hangs",
        Unreachable("timeout", "answered nothing within"),
        real_sshd(setup=account("/bin/bash") + file("/home/audit/.bashrc", "sleep 600\n")),
    ),
    _row("home-missing", "The home directory does not exist", AllOk(), real_sshd(setup="rm -r /home/audit")),
    _row(
        "sh-missing",
        "The host has no /bin/sh",
        Unreachable("ssh", _NO_COMMAND),
        real_sshd(setup=account("/bin/bash") + "mount --bind /run/authorized_keys /bin/sh"),
    ),
    _row(
        "locale-odd",
        "The host sets a locale and a character set that do not exist",
        AllOk(),
        real_sshd("SetEnv LANG=xx_XX.EBCDIC LC_ALL=tlh LANGUAGE=tlh TZ=Nowhere/None"),
    ),
    _row(
        "environment-odd",
        "The host sets variables that change what GNU's programs print",
        AllOk(),
        real_sshd("SetEnv POSIXLY_CORRECT=1 DF_BLOCK_SIZE=human QUOTING_STYLE=c TIME_STYLE=iso COLUMNS=10"),
    ),
    _row("path-empty", "The host sets an empty PATH", AllOk(), real_sshd("SetEnv PATH=/nonexistent")),
)

ROWS: tuple[Row, ...] = (*_LOGINS, *_SESSIONS)
