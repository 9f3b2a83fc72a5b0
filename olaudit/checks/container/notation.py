"""Ports, mounts and log settings in the notation of compose.yaml, as comparable values."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

_PORT = re.compile(
    r"(?:(?P<ip>[0-9.]+|\[[0-9a-fA-F:.]+\]):)?(?P<host>[0-9]{1,5}):(?P<inside>[0-9]{1,5})(?:/(?P<protocol>tcp|udp|sctp))?"
)
_MOUNT = re.compile(r"(?P<source>/[^:]*|[a-zA-Z0-9][a-zA-Z0-9_.-]*):(?P<destination>/[^:]*)(?::(?P<mode>ro|rw))?")


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """A published port. `ip` is empty for all addresses, `host` is empty where Docker picks a free port."""

    ip: str
    host: str
    inside: str
    protocol: str

    def __str__(self) -> str:
        """Format the port as compose.yaml does: "127.0.0.1:7000:7000/tcp"."""
        ip = f"[{self.ip}]" if ":" in self.ip else self.ip
        outside = f"{ip}:{self.host}:" if ip else self.host and f"{self.host}:"
        return f"{outside}{self.inside}/{self.protocol}"


@dataclass(frozen=True, slots=True, order=True)
class Mount:
    """A mount of an absolute path of the host, or of a named volume, at `destination` in the container."""

    source: str
    destination: str
    writable: bool

    def __str__(self) -> str:
        """Format the mount as compose.yaml does: "/opt/olsystem:/olsystem:ro"."""
        return f"{self.source}:{self.destination}{'' if self.writable else ':ro'}"


@dataclass(frozen=True, slots=True)
class LogSettings:
    """A log driver and its limits in Docker's notation; a limit that is not set is empty."""

    driver: str
    max_size: str
    max_file: str

    def __str__(self) -> str:
        """Format the settings on one line."""
        size, files = self.max_size or "not given", self.max_file or "not given"
        return f"{self.driver}, max-size {size}, max-file {files}"


def normalize_address(ip: str) -> str:
    """Return the empty string for "0.0.0.0": Docker writes "all addresses" in both ways."""
    return "" if ip == "0.0.0.0" else ip  # noqa: S104 - only compared; no socket is bound


def clean_path(path: str) -> str:
    """Remove doubled and trailing slashes, which have no meaning in a mount."""
    return posixpath.normpath(path) if path.startswith("/") else path


def parse_port(text: str) -> Port:
    """Parse "8080:8080/tcp" or "127.0.0.1:7000:7000". Raises ValueError for other texts."""
    match = _PORT.fullmatch(text)
    if not match or not all(0 < int(match[side]) < 65536 for side in ("host", "inside")):
        msg = f'{text!r} is not a published port: write "8080:8080/tcp" or "127.0.0.1:7000:7000/tcp"'
        raise ValueError(msg)
    return Port(
        ip=normalize_address((match["ip"] or "").strip("[]")),
        host=match["host"],
        inside=match["inside"],
        protocol=match["protocol"] or "tcp",
    )


def parse_mount(text: str) -> Mount:
    """Parse "/opt/olsystem:/olsystem:ro" or "solr-data:/var/solr". Raises ValueError for other texts."""
    if not (match := _MOUNT.fullmatch(text)):
        msg = (
            f'{text!r} is not a mount: write "SOURCE:DESTINATION" or "SOURCE:DESTINATION:ro", with absolute paths'
        )
        raise ValueError(msg)
    return Mount(
        source=clean_path(match["source"]),
        destination=clean_path(match["destination"]),
        writable=match["mode"] != "ro",
    )
