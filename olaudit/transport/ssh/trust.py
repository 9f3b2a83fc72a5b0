"""Whether the key that a host shows is the one that is known: unknown and changed both refuse."""

from __future__ import annotations

import base64
import hashlib
import shlex
from typing import TYPE_CHECKING

from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.ssh.known_hosts import Knowledge, Known, KnownHosts, Marker

if TYPE_CHECKING:
    import paramiko

    from olaudit.transport.ssh.host import Settings


def key_types(knowledge: Knowledge) -> tuple[str, ...]:
    """Name the types of key to ask a host for: those it is known by, so that what it shows can be compared."""
    types = dict.fromkeys(line.type for line in knowledge.trusted)
    return tuple(
        name for kind in types for name in (("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,))
    )


def check(settings: Settings, shown: paramiko.PKey, knowledge: Knowledge) -> None:
    """Raise HostFailed(hostkey) unless `shown` is a known key of the host, and not a revoked one."""
    key = shown.asbytes()
    print_ = fingerprint(key)
    for line in knowledge.revoked:
        if line.key == key:
            raise HostFailed(
                FailureReason.HOSTKEY, f"{settings} shows a key that {line.file}:{line.line} revokes: {print_}"
            )
    kind = shown.get_name().removeprefix("ssh-").removesuffix("-nistp256")
    if not any(line.key == key for line in knowledge.trusted):
        if knowledge.trusted:
            raise HostFailed(FailureReason.HOSTKEY, _changed(settings, kind, print_, knowledge.trusted[0]))
        raise HostFailed(FailureReason.HOSTKEY, _unknown(settings, kind, print_, knowledge))
    if kind == "rsa" and shown.get_bits() < settings.required_rsa_bits:
        raise HostFailed(
            FailureReason.HOSTKEY,
            f"the RSA host key of {settings} has {shown.get_bits()} bits, and RequiredRSASize asks for "
            f"{settings.required_rsa_bits}: give it an ed25519 host key",
        )


def check_address(settings: Settings, shown: paramiko.PKey, address: str, known_hosts: KnownHosts) -> None:
    """Apply CheckHostIP: the key must not contradict the one that is known for the address.

    As in OpenSSH, not for an alias, a name that is an address, this machine, or a connection through others.
    """
    local = address.startswith("127.") or address == "::1"
    if not settings.check_host_ip or settings.host_key_alias or settings.via or local or not address:
        return
    if address == settings.hostname:
        return
    name = address if settings.port == 22 else f"[{address}]:{settings.port}"
    lines = [line for line in known_hosts.about(name, settings.known_hosts) if line.marker is not Marker.AUTHORITY]
    key = shown.asbytes()
    trusted = [line for line in lines if line.marker is Marker.TRUSTED]
    revoked = [line for line in lines if line.marker is Marker.REVOKED and line.key == key]
    if revoked or (trusted and not any(line.key == key for line in trusted)):
        line = (revoked or trusted)[0]
        raise HostFailed(
            FailureReason.HOSTKEY,
            f"the host key of {settings}, {fingerprint(key)}, is not the one that {line.file}:{line.line} has "
            f"for its address {name}, and CheckHostIP is set: correct that line, or set CheckHostIP no",
        )


def fingerprint(key: bytes) -> str:
    """Give a key's fingerprint as `ssh-keygen -l` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def _changed(settings: Settings, kind: str, print_: str, line: Known) -> str:
    return (
        f"the host key of {settings} CHANGED: it shows {kind} {print_}, {line.file}:{line.line} has another. "
        "Reinstalled, its name reused, or somebody in between: compare with "
        "`ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub` on its console, then "
        f"`ssh-keygen -R {shlex.quote(settings.known_as)} -f {shlex.quote(str(line.file))}` and add the new key"
    )


def _unknown(settings: Settings, kind: str, print_: str, knowledge: Knowledge) -> str:
    files = settings.known_hosts
    port = f"-p {settings.port} " if settings.port != 22 else ""
    why = f"no line in {files[0] if files else 'any known_hosts file'}"
    if knowledge.unreadable:
        why += f"; {'; '.join(knowledge.unreadable)}"
    if knowledge.authorities:
        line = knowledge.authorities[0]
        why += f"; olaudit does not support host certificates, as {line.file}:{line.line} @cert-authority asks for"
    return (
        f"the host key of {settings} is unknown ({why}): "
        f"it shows {kind} {print_}. Compare with `ssh-keyscan {port}-t {kind} {shlex.quote(settings.hostname)} | "
        "ssh-keygen -lf -` from a network you trust, then add the line to known_hosts"
    )
