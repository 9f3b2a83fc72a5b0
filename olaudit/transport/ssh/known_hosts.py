"""known_hosts files, read as OpenSSH reads them, each once for the whole run.

paramiko's own reader parses every key and compares each line with all before it (35 ms for 200 lines, per
host, and quadratic), and overlooks `@revoked` and patterns. Here a key is compared by its wire format. The
rules are those of OpenSSH's hostfile.c and match.c; `ssh-keygen -F` and ssh are held against them in tests.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from olaudit.transport.reasons import describe

if TYPE_CHECKING:
    from olaudit.transport.ssh.host import Settings

_BLANK = " \t"
_MAX_PATTERN = 1023
"""OpenSSH gives up on a list of patterns at one that is longer than this."""


class Marker(StrEnum):
    """What a line says of its key."""

    TRUSTED = ""
    REVOKED = "@revoked"
    AUTHORITY = "@cert-authority"


@dataclass(frozen=True, slots=True)
class Known:
    """One line of a known_hosts file: the key, in wire format, of the hosts that match `names`."""

    names: str
    type: str
    key: bytes
    marker: Marker
    file: Path
    line: int

    def matches(self, name: str) -> bool:
        """Return whether this line is about the host that is known as `name`."""
        if self.names.startswith("|"):
            return _hash_matches(self.names, name)
        return matches_list(_lower(self.names), name)


def matches_list(patterns: str, name: str) -> bool:
    """Match `name` with a comma-separated list in which `!` excludes, `*` and `?` are the only wildcards."""
    matched = False
    for pattern in patterns.split(","):
        if len(pattern.removeprefix("!")) > _MAX_PATTERN:
            return False
        if _matches(pattern.removeprefix("!"), name):
            if pattern.startswith("!"):
                return False
            matched = True
    return matched


def _matches(pattern: str, name: str) -> bool:
    """Match with `*` and `?`. Linear backtracking: known_hosts patterns must not be able to hang an audit."""
    at = position = 0
    star, retry = -1, 0
    while position < len(name):
        if at < len(pattern) and pattern[at] == "*":
            star, retry = at, position
            at += 1
        elif at < len(pattern) and pattern[at] in {"?", name[position]}:
            at += 1
            position += 1
        elif star >= 0:
            at, retry = star + 1, retry + 1
            position = retry
        else:
            return False
    return not pattern[at:].strip("*")


def _lower(text: str) -> str:
    """Lower ASCII letters only: every other byte stands for itself."""
    return text.encode("latin-1").lower().decode("latin-1")


def _hash_matches(names: str, name: str) -> bool:
    try:
        _, version, salt, digest = names.split("|")
        mac = hmac.digest(base64.b64decode(salt, validate=True), name.encode("latin-1"), hashlib.sha1)
        return version == "1" and digest == base64.b64encode(mac).decode()
    except (ValueError, binascii.Error):
        return False


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the known_hosts files hold about one host, and which of them could not be read, and why."""

    trusted: tuple[Known, ...]
    revoked: tuple[Known, ...]
    authorities: tuple[Known, ...]
    unreadable: tuple[str, ...] = ()


class KnownHosts:
    """The known_hosts files, each parsed again only when it has changed: a key that is revoked counts at once."""

    def __init__(self) -> None:
        self._files: dict[Path, tuple[_Version, tuple[Known, ...] | str]] = {}

    def knowledge(self, settings: Settings) -> Knowledge:
        """Collect what is known about a host.

        Like OpenSSH: where `[host]:port` is not known, the key of `host` on the default port is accepted too.
        """
        files = settings.known_hosts
        lines = self.about(settings.known_as, files)
        alone = not settings.host_key_alias and settings.port != 22
        if alone and not any(line.marker is Marker.TRUSTED for line in lines):
            lines += self.about(settings.hostname, files)
        return Knowledge(
            trusted=tuple(line for line in lines if line.marker is Marker.TRUSTED),
            revoked=tuple(line for line in lines if line.marker is Marker.REVOKED),
            authorities=tuple(line for line in lines if line.marker is Marker.AUTHORITY),
            unreadable=tuple(text for file in files if isinstance(text := self._read(file), str) and text),
        )

    def about(self, name: str, files: tuple[Path, ...]) -> tuple[Known, ...]:
        """Find the lines about the host known as `name` ("host", or "[host]:port" for another port than 22)."""
        name = _lower(name.encode(errors="surrogateescape").decode("latin-1"))
        return tuple(
            line for file in files for line in self._read(file) if isinstance(line, Known) and line.matches(name)
        )

    def _read(self, file: Path) -> tuple[Known, ...] | str:
        version = _version(file)
        cached = self._files.get(file)
        if cached is None or cached[0] != version:
            cached = self._files[file] = version, read(file)
        return cached[1]


_Version = tuple[int, ...]


def _version(file: Path) -> _Version:
    """Identify the content of a file: equal versions mean equal content."""
    try:
        status = file.stat()
    except OSError as error:
        return (error.errno or 0,)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def read(file: Path) -> tuple[Known, ...] | str:
    """Read a known_hosts file, or say why it cannot be read; a file that does not exist is empty."""
    try:
        if file.exists() and not file.is_file():  # /dev/null; a FIFO would hang
            return ()
        text = file.read_bytes().decode("latin-1")
    except FileNotFoundError:
        return ()
    except OSError as error:  # ssh goes on without it too; a host known nowhere else is refused
        return f"{file} cannot be read: {describe(error)}"
    lines = (_parse(line, file, number) for number, line in enumerate(text.split("\n"), 1))
    return tuple(line for line in lines if line is not None)


def _parse(line: str, file: Path, number: int) -> Known | None:
    line = line.partition("\0")[0].strip(_BLANK)
    marker = Marker.TRUSTED
    if line.startswith("@"):
        word, _, line = _partition(line)
        if word not in {Marker.REVOKED, Marker.AUTHORITY}:
            return None
        marker = Marker(word)
    names, _, remainder = _partition(line)
    kind, _, remainder = _partition(remainder)
    encoded, _, _ = _partition(remainder)
    if not encoded or names.startswith(("#", "@")):
        return None
    key = decode_key(kind, encoded)
    return Known(names, kind, key, marker, file, number) if key else None


def _partition(text: str) -> tuple[str, str, str]:
    """Split at the first run of blanks."""
    match = re.search(r"[ \t]+", text)
    return (text[: match.start()], match[0], text[match.end() :]) if match else (text, "", "")


def decode_key(kind: str, encoded: str) -> bytes:
    """Decode a public key and check that it is of the type that is written before it; b"" where it is not."""
    encoded = re.sub(r"[\r\v\f]", "", encoded)
    try:
        key = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        return b""
    name = kind.encode("latin-1")
    canonical = base64.b64encode(key).decode() == encoded
    return key if canonical and key.startswith(len(name).to_bytes(4, "big") + name) else b""
