"""RevokedHostKeys: a file of public keys, or a key revocation list (KRL) in OpenSSH's binary format."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.process import run_command
from olaudit.transport.reasons import describe_error, single_line
from olaudit.transport.ssh.known_hosts import decode_key

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.host import Settings

_KRL_MAGIC = b"SSHKRL\n\0"
_MAX_BYTES = 64 << 20


def check_revoked(settings: Settings, kind: str, key: bytes, deadline: Deadline) -> None:
    """Raise HostFailed if RevokedHostKeys contains the key or cannot be read, as ssh refuses the host."""
    file = settings.revoked_host_keys
    if file is None:
        return
    try:
        if not file.is_file():
            raise FileNotFoundError(2, "no such file")
        with file.open("rb") as stream:
            content = stream.read(_MAX_BYTES)
        revoked = _in_krl(file, kind, key, deadline) if content.startswith(_KRL_MAGIC) else _in_list(content, key)
    except (OSError, ValueError) as error:
        raise HostFailed(
            FailureReason.HOSTKEY,
            f"the host key of {settings} cannot be checked against RevokedHostKeys {file}: "
            f"{describe_error(error)}",
        ) from None
    if revoked:
        raise HostFailed(FailureReason.HOSTKEY, f"the host key of {settings} is revoked by RevokedHostKeys {file}")


def _in_list(content: bytes, key: bytes) -> bool:
    """Return whether the list contains the key. Raises ValueError for an invalid line, as OpenSSH rejects it."""
    for number, line in enumerate(content.decode("latin-1").split("\n"), 1):
        fields = line.partition("\0")[0].split()
        if not fields or fields[0].startswith("#"):
            continue
        revoked_key = decode_key(fields[0], fields[1]) if len(fields) > 1 else b""
        if not revoked_key:
            raise ValueError(f"line {number} is not a public key")
        if revoked_key == key:
            return True
    return False


def _in_krl(file: Path, kind: str, key: bytes, deadline: Deadline) -> bool:
    """Query ssh-keygen. Raises OSError and ValueError: any result but "revoked" and "not revoked" is an error."""
    public_key = f"{kind} {base64.b64encode(key).decode()}\n".encode()
    try:
        output = run_command(("ssh-keygen", "-Q", "-f", str(file), "/dev/stdin"), deadline.remaining(), public_key)
    except FileNotFoundError:
        raise ValueError("it is a key revocation list, and ssh-keygen, which reads it, is not installed") from None
    if output.status == 0:
        return False
    if output.stdout.rstrip().endswith(b"REVOKED"):
        return True
    raise ValueError(f"ssh-keygen -Q ended with status {output.status}: {single_line(output.stderr)}")
