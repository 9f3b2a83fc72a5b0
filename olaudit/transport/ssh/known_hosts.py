"""Parser of known_hosts files, with the rules of OpenSSH. A file is parsed again only when it has changed.

Keys are compared by their wire format. The rules are those of OpenSSH's hostfile.c and match.c; tests compare the
results with `ssh-keygen -F` and ssh. docs/decisions/0003 states why it is not paramiko's reader.
"""

import base64
import binascii
import fnmatch
import functools
import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from olaudit.transport.reasons import describe_error
from olaudit.transport.ssh.host import Settings

_LINE = re.compile(
    r"[ \t]*(?:(@revoked|@cert-authority)[ \t]+)?([^#@ \t][^ \t]*)[ \t]+([^ \t]+)[ \t]+([^ \t]+)", re.DOTALL
)
"""Marker, names, type and key of a line; a comment may follow."""

_MAX_PATTERN = 1023
"""Longest pattern. OpenSSH stops at a longer one, and the list does not match."""


class Marker(StrEnum):
    """Marker of a known_hosts line."""

    TRUSTED = ""
    REVOKED = "@revoked"
    AUTHORITY = "@cert-authority"


@dataclass(frozen=True, slots=True)
class KnownHostsLine:
    """Line of a known_hosts file: the key, in wire format, of the hosts that match `names`."""

    names: str
    type: str
    key: bytes
    marker: Marker
    file: Path
    line: int

    def matches(self, name: str) -> bool:
        """Return whether this line applies to the host `name`."""
        if self.names.startswith("|"):
            return _hash_matches(self.names, name)
        return matches_list(_lower(self.names), name)


def matches_list(patterns: str, name: str) -> bool:
    """Match `name` with a comma-separated list: `!` excludes, and `*` and `?` are the only wildcards."""
    matched = False
    for pattern in patterns.split(","):
        if len(pattern.removeprefix("!")) > _MAX_PATTERN:
            return False
        if _matches_pattern(pattern.removeprefix("!"), name):
            if pattern.startswith("!"):
                return False
            matched = True
    return matched


def _matches_pattern(pattern: str, name: str) -> bool:
    if not any(wildcard in pattern for wildcard in "*?"):
        return pattern == name  # without compiling an expression for each line
    # `fnmatch` never backtracks over a `*`, so no pattern can hang an audit
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def _lower(text: str) -> str:
    """Convert ASCII letters to lower case, and leave all other bytes unchanged."""
    return text.encode("latin-1").lower().decode("latin-1")


def _hash_matches(names: str, name: str) -> bool:
    try:
        _, version, salt, digest = names.split("|")
        mac = hmac.digest(base64.b64decode(salt, validate=True), name.encode("latin-1"), hashlib.sha1)
        return version == "1" and digest == base64.b64encode(mac).decode()
    except (ValueError, binascii.Error):
        return False


@dataclass(frozen=True, slots=True)
class KnownHostKeys:
    """Lines of the known_hosts files that apply to one host, and the reasons why files could not be read."""

    trusted: tuple[KnownHostsLine, ...]
    revoked: tuple[KnownHostsLine, ...]
    authorities: tuple[KnownHostsLine, ...]
    unreadable: tuple[str, ...] = ()


def keys_for(settings: Settings) -> KnownHostKeys:
    """Collect the lines that apply to a host.

    As in OpenSSH, the key of `host` on the default port is accepted if no trusted line has `[host]:port`.
    """
    files = settings.known_hosts
    lines = lines_for(settings.known_hosts_name, files)
    accepts_default_port = not settings.host_key_alias and settings.port != 22
    if accepts_default_port and not any(line.marker is Marker.TRUSTED for line in lines):
        lines += lines_for(settings.hostname, files)
    return KnownHostKeys(
        trusted=tuple(line for line in lines if line.marker is Marker.TRUSTED),
        revoked=tuple(line for line in lines if line.marker is Marker.REVOKED),
        authorities=tuple(line for line in lines if line.marker is Marker.AUTHORITY),
        unreadable=tuple(text for file in files if isinstance(text := _read_current(file), str) and text),
    )


def lines_for(name: str, files: tuple[Path, ...]) -> tuple[KnownHostsLine, ...]:
    """Select the lines that apply to `name` ("host", or "[host]:port" for another port than 22)."""
    name = _lower(name.encode(errors="surrogateescape").decode("latin-1"))
    return tuple(
        line
        for file in files
        for line in _read_current(file)
        if isinstance(line, KnownHostsLine) and line.matches(name)
    )


def _read_current(file: Path) -> tuple[KnownHostsLine, ...] | str:
    """Read a file, or return what was read if it has not changed. A key that is revoked is refused at once."""
    try:
        status = file.stat()
    except OSError as error:
        return _read_version(file, error.errno)
    return _read_version(
        file, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )


@functools.lru_cache(maxsize=16)
def _read_version(file: Path, *_version: int | None) -> tuple[KnownHostsLine, ...] | str:
    return read(file)


def read(file: Path) -> tuple[KnownHostsLine, ...] | str:
    """Read a known_hosts file. Returns its lines, or why it cannot be read; a missing file has no lines."""
    try:
        if file.exists() and not file.is_file():  # such as /dev/null; reading a FIFO would hang
            return ()
        text = file.read_bytes().decode("latin-1")
    except FileNotFoundError:
        return ()
    except OSError as error:  # ssh continues too, and refuses a host that no other file contains
        return f"{file} cannot be read: {describe_error(error)}"
    lines = (_parse_line(line, file, number) for number, line in enumerate(text.split("\n"), 1))
    return tuple(line for line in lines if line is not None)


def _parse_line(line: str, file: Path, number: int) -> KnownHostsLine | None:
    match = _LINE.match(line.partition("\0")[0])
    if match is None:
        return None
    marker, names, kind, encoded = match.groups("")
    key = decode_key(kind, encoded)
    return KnownHostsLine(names, kind, key, Marker(marker), file, number) if key else None


def decode_key(kind: str, encoded: str) -> bytes:
    """Decode a public key; b"" where it is invalid or of another type than the line states."""
    encoded = re.sub(r"[\r\v\f]", "", encoded)
    try:
        key = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        return b""
    name = kind.encode("latin-1")
    canonical = base64.b64encode(key).decode() == encoded
    return key if canonical and key.startswith(len(name).to_bytes(4, "big") + name) else b""
