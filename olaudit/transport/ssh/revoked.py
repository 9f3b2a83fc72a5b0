"""RevokedHostKeys: a list of public keys, or a key revocation list (KRL) in OpenSSH's binary format."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.reasons import describe, one_line
from olaudit.transport.ssh.known_hosts import decode_key
from olaudit.transport.ssh.process import run_command

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.host import Settings

_KRL = b"SSHKRL\n\0"
_MAX_BYTES = 64 << 20


def check_revoked(settings: Settings, kind: str, key: bytes, deadline: Deadline) -> None:
    """Raise HostFailed where RevokedHostKeys holds the key, or cannot be read: ssh refuses the host then too."""
    file = settings.revoked_host_keys
    if file is None:
        return
    try:
        if not file.is_file():
            raise FileNotFoundError(2, "there is no such file")
        with file.open("rb") as stream:
            content = stream.read(_MAX_BYTES)
        revoked = _in_krl(file, kind, key, deadline) if content.startswith(_KRL) else _in_list(content, key)
    except (OSError, ValueError) as error:
        raise HostFailed(
            FailureReason.HOSTKEY,
            f"the host key of {settings} cannot be checked against RevokedHostKeys {file}: {describe(error)}",
        ) from None
    if revoked:
        raise HostFailed(FailureReason.HOSTKEY, f"the host key of {settings} is revoked by RevokedHostKeys {file}")


def _in_list(content: bytes, key: bytes) -> bool:
    """Look for the key. Raises ValueError at a line that is no key, as OpenSSH refuses the file there."""
    for number, line in enumerate(content.decode("latin-1").split("\n"), 1):
        fields = line.partition("\0")[0].split()
        if not fields or fields[0].startswith("#"):
            continue
        other = decode_key(fields[0], fields[1]) if len(fields) > 1 else b""
        if not other:
            raise ValueError(f"line {number} is not a public key")
        if other == key:
            return True
    return False


def _in_krl(file: Path, kind: str, key: bytes, deadline: Deadline) -> bool:
    """Ask ssh-keygen. Raises OSError and ValueError; any answer but "not revoked" counts as one."""
    public = f"{kind} {base64.b64encode(key).decode()}\n".encode()
    try:
        completed = run_command(("ssh-keygen", "-Q", "-f", str(file), "/dev/stdin"), deadline.left(), public)
    except FileNotFoundError:
        raise ValueError("it is a key revocation list, and ssh-keygen is not installed to read it") from None
    if completed.status == 0:
        return False
    if completed.stdout.rstrip().endswith(b"REVOKED"):
        return True
    raise ValueError(f"ssh-keygen -Q ended with status {completed.status}: {one_line(completed.stderr)}")
