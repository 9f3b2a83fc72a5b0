"""Host keys that are trusted: known_hosts files, each read once for the whole run.

paramiko's own reader parses every key and compares each line with all before it (35 ms for 200 lines, per
host, and quadratic), and overlooks `@revoked` and patterns. Here keys stay text until they are compared.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Known:
    """One line of a known_hosts file: the key (its wire format, in base64) of the hosts that match `names`."""

    names: tuple[str, ...]
    type: str
    key: str
    revoked: bool
    file: Path
    line: int

    def matches(self, name: str) -> bool:
        """Say whether this line speaks of the host that is known as `name`."""
        if any(one.startswith("!") and fnmatch.fnmatchcase(name, one[1:].lower()) for one in self.names):
            return False
        return any(_name_matches(one, name) for one in self.names)


def _name_matches(pattern: str, name: str) -> bool:
    if pattern.startswith("|1|"):
        return _hash_matches(pattern, name)
    # "[host]:port" is a literal in known_hosts, where fnmatch would read a set of characters
    return fnmatch.fnmatchcase(name, pattern.lower().replace("[", "[[]"))


def _hash_matches(pattern: str, name: str) -> bool:
    try:
        _, _, salt, digest = pattern.split("|")
        mac = hmac.digest(base64.b64decode(salt), name.encode(), hashlib.sha1)
        return hmac.compare_digest(mac, base64.b64decode(digest))
    except (ValueError, binascii.Error):
        return False


def _parse(line: str, file: Path, number: int) -> Known | None:
    words = line.split()
    marker = words.pop(0) if words and words[0].startswith("@") else ""
    # A certificate authority vouches for host certificates, which paramiko does not negotiate.
    if len(words) < 3 or words[0].startswith("#") or marker not in {"", "@revoked"}:
        return None
    names, kind, key = words[:3]
    return Known(tuple(names.split(",")), kind, key, bool(marker), file, number)


class KnownHosts:
    """The known_hosts files of a run."""

    def __init__(self) -> None:
        self._files: dict[Path, tuple[Known, ...]] = {}

    def about(self, name: str, files: tuple[Path, ...]) -> tuple[Known, ...]:
        """Find the lines about the host known as `name` ("host", or "[host]:port" for another port than 22)."""
        return tuple(line for file in files for line in self._lines(file) if line.matches(name.lower()))

    def _lines(self, file: Path) -> tuple[Known, ...]:
        if file not in self._files:
            self._files[file] = _read(file)
        return self._files[file]


def _read(file: Path) -> tuple[Known, ...]:
    try:
        text = file.read_text(errors="replace")
    except OSError:  # ssh goes on without a file too; a host known nowhere is refused later
        return ()
    lines = (_parse(line, file, n) for n, line in enumerate(text.splitlines(), 1))
    return tuple(line for line in lines if line is not None)
