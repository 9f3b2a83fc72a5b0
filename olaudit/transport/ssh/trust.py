"""Verification of host keys: known_hosts, CheckHostIP and RevokedHostKeys.

An unknown key and a changed key are both refused. RevokedHostKeys is a file of public keys, or a key revocation
list (KRL) in OpenSSH's binary format.
"""

import base64
import shlex
from pathlib import Path

import paramiko

from olaudit.model import FailureReason
from olaudit.transport import Deadline, HostFailed
from olaudit.transport.process import run_command
from olaudit.transport.reasons import describe_error, single_line
from olaudit.transport.ssh.host import Settings
from olaudit.transport.ssh.known_hosts import KnownHostKeys, KnownHostsLine, Marker, decode_key, lines_for

_KRL_MAGIC = b"SSHKRL\n\0"
_MAX_REVOKED_BYTES = 64 << 20


def key_types(known_keys: KnownHostKeys) -> tuple[str, ...]:
    """List the types of the known keys of a host, to request a key that can be compared."""
    types = dict.fromkeys(line.type for line in known_keys.trusted)
    return tuple(
        name for kind in types for name in (("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,))
    )


def check(settings: Settings, host_key: paramiko.PKey, known_keys: KnownHostKeys) -> None:
    """Raise HostFailed unless `host_key` is a known key of the host and not revoked."""
    key = host_key.asbytes()
    key_print = host_key.fingerprint
    for line in known_keys.revoked:
        if line.key == key:
            raise HostFailed(
                FailureReason.HOSTKEY,
                f"{settings} presents a key that {line.file}:{line.line} revokes: {key_print}",
            )
    kind = host_key.get_name().removeprefix("ssh-").removesuffix("-nistp256")
    if not any(line.key == key for line in known_keys.trusted):
        if known_keys.trusted:
            raise HostFailed(FailureReason.HOSTKEY, _changed(settings, kind, key_print, known_keys.trusted[0]))
        raise HostFailed(FailureReason.HOSTKEY, _unknown(settings, kind, key_print, known_keys))
    if kind == "rsa" and host_key.get_bits() < settings.required_rsa_bits:
        raise HostFailed(
            FailureReason.HOSTKEY,
            f"the RSA host key of {settings} has {host_key.get_bits()} bits, fewer than RequiredRSASize "
            f"{settings.required_rsa_bits}: give it an ed25519 host key",
        )


def check_address(settings: Settings, host_key: paramiko.PKey, address: str) -> None:
    """Apply CheckHostIP: raise HostFailed if another key is known for the address.

    As in OpenSSH, this does not apply to an alias, a name that is an address, the local machine, or a connection
    through a jump host or ProxyCommand.
    """
    local = address.startswith("127.") or address == "::1"
    exempt = settings.host_key_alias or settings.intermediary or local or address in {"", settings.hostname}
    if not settings.check_host_ip or exempt:
        return
    name = address if settings.port == 22 else f"[{address}]:{settings.port}"
    lines = lines_for(name, settings.known_hosts)
    key = host_key.asbytes()
    trusted = [line for line in lines if line.marker is Marker.TRUSTED]
    revoked = [line for line in lines if line.marker is Marker.REVOKED and line.key == key]
    if revoked or (trusted and not any(line.key == key for line in trusted)):
        line = (revoked or trusted)[0]
        raise HostFailed(
            FailureReason.HOSTKEY,
            f"the host key of {settings}, {host_key.fingerprint}, is not the one that {line.file}:{line.line} has "
            f"for its address {name}, and CheckHostIP is set: correct that line, or set CheckHostIP no",
        )


def _changed(settings: Settings, kind: str, key_print: str, line: KnownHostsLine) -> str:
    return (
        f"the host key of {settings} CHANGED: it presents {kind} {key_print}, but {line.file}:{line.line} has "
        "another key. The host was reinstalled, its name was reused, or the connection is intercepted: "
        "compare with `ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub` on its console, then run "
        f"`ssh-keygen -R {shlex.quote(settings.known_hosts_name)} -f {shlex.quote(str(line.file))}` "
        "and add the new key"
    )


def _unknown(settings: Settings, kind: str, key_print: str, known_keys: KnownHostKeys) -> str:
    files = settings.known_hosts
    port = f"-p {settings.port} " if settings.port != 22 else ""
    reason = f"no line in {files[0] if files else 'any known_hosts file'}"
    if known_keys.unreadable:
        reason += f"; {'; '.join(known_keys.unreadable)}"
    if known_keys.authorities:
        line = known_keys.authorities[0]
        reason += f"; {line.file}:{line.line} requires host certificates, which olaudit does not support"
    return (
        f"the host key of {settings} is unknown ({reason}): "
        f"it presents {kind} {key_print}. "
        f"Compare with `ssh-keyscan {port}-t {kind} {shlex.quote(settings.hostname)} | ssh-keygen -lf -` "
        "from a network you trust, then add the line to known_hosts"
    )


def check_revoked(settings: Settings, kind: str, key: bytes, deadline: Deadline) -> None:
    """Raise HostFailed if RevokedHostKeys contains the key or cannot be read, as ssh refuses the host."""
    file = settings.revoked_host_keys
    if file is None:
        return
    try:
        if not file.is_file():
            raise FileNotFoundError(2, "no such file")
        with file.open("rb") as stream:
            content = stream.read(_MAX_REVOKED_BYTES)
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
    if output.returncode == 0:
        return False
    if output.stdout.rstrip().endswith(b"REVOKED"):
        return True
    raise ValueError(f"ssh-keygen -Q ended with status {output.returncode}: {single_line(output.stderr)}")
