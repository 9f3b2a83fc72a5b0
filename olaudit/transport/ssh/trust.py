"""Whether the key that a host shows is the one that is known: unknown and changed both refuse."""

from __future__ import annotations

import base64
import hashlib
import shlex
from typing import TYPE_CHECKING

from olaudit.model import Reason
from olaudit.transport import HostFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import paramiko

    from olaudit.transport.ssh.known_hosts import Known
    from olaudit.transport.ssh.settings import Settings


def key_types(lines: Sequence[Known]) -> tuple[str, ...]:
    """Name the types of key to ask a host for: those it is known by, so that what it shows can be compared."""
    types = dict.fromkeys(line.type for line in lines if not line.revoked)
    return tuple(
        name for kind in types for name in (("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,))
    )


def check(settings: Settings, shown: paramiko.PKey, lines: Sequence[Known]) -> None:
    """Raise HostFailed(hostkey) unless `shown` is a known key of the host, and not a revoked one."""
    wire = shown.asbytes()
    key = base64.b64encode(wire).decode()
    print_ = "SHA256:" + base64.b64encode(hashlib.sha256(wire).digest()).decode().rstrip("=")
    matching = [line for line in lines if line.key == key]
    for line in matching:
        if line.revoked:
            raise HostFailed(
                Reason.HOSTKEY, f"{settings} shows a key that {line.file}:{line.line} revokes: {print_}"
            )
    if matching:
        return
    kind = shown.get_name().removeprefix("ssh-").removesuffix("-nistp256")
    trusted = [line for line in lines if not line.revoked]
    if trusted:
        raise HostFailed(Reason.HOSTKEY, _changed(settings, kind, print_, trusted[0]))
    raise HostFailed(Reason.HOSTKEY, _unknown(settings, kind, print_))


def _changed(settings: Settings, kind: str, print_: str, line: Known) -> str:
    return (
        f"the host key of {settings} CHANGED: it shows {kind} {print_}, {line.file}:{line.line} has another. "
        "Reinstalled, its name reused, or somebody in between: compare with "
        "`ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub` on its console, then "
        f"`ssh-keygen -R {shlex.quote(settings.known_as)} -f {shlex.quote(str(line.file))}` and add the new key"
    )


def _unknown(settings: Settings, kind: str, print_: str) -> str:
    files = settings.known_hosts
    port = f"-p {settings.port} " if settings.port != 22 else ""
    return (
        f"the host key of {settings} is unknown (no line in {files[0] if files else 'any known_hosts file'}): "
        f"it shows {kind} {print_}. Compare with `ssh-keyscan {port}-t {kind} {shlex.quote(settings.hostname)} | "
        "ssh-keygen -lf -` from a network you trust, then add the line to known_hosts"
    )
