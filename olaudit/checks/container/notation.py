"""Ports, mounts and log caps in the syntax of compose.yaml, as values that compare."""

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
        """Write the port as compose.yaml does: "127.0.0.1:7000:7000/tcp"."""
        ip = f"[{self.ip}]" if ":" in self.ip else self.ip
        outside = f"{ip}:{self.host}:" if ip else self.host and f"{self.host}:"
        return f"{outside}{self.inside}/{self.protocol}"


@dataclass(frozen=True, slots=True, order=True)
class Mount:
    """A mount: an absolute path of the host, or the name of a volume, seen inside at `destination`."""

    source: str
    destination: str
    writable: bool

    def __str__(self) -> str:
        """Write the mount as compose.yaml does: "/opt/olsystem:/olsystem:ro"."""
        return f"{self.source}:{self.destination}{'' if self.writable else ':ro'}"


@dataclass(frozen=True, slots=True)
class Logs:
    """A log driver and its caps, in Docker's own notation; empty where they are not given."""

    driver: str
    max_size: str
    max_file: str

    def __str__(self) -> str:
        """Write them on one line."""
        size, files = self.max_size or "not given", self.max_file or "not given"
        return f"{self.driver}, max-size {size}, max-file {files}"


def every_address(ip: str) -> str:
    """Give Docker's two spellings of "all addresses" one: the empty one."""
    return "" if ip == "0.0.0.0" else ip  # noqa: S104 - a spelling to compare with; nothing is bound here


def clean_path(path: str) -> str:
    """Drop doubled and trailing slashes, which mean nothing in a mount."""
    return posixpath.normpath(path) if path.startswith("/") else path


def parse_port(text: str) -> Port:
    """Read "8080:8080/tcp" or "127.0.0.1:7000:7000". Raises ValueError for anything else."""
    match = _PORT.fullmatch(text)
    if not match or not all(0 < int(match[side]) < 65536 for side in ("host", "inside")):
        msg = f'{text!r} is not a published port: write "8080:8080/tcp" or "127.0.0.1:7000:7000/tcp"'
        raise ValueError(msg)
    return Port(
        ip=every_address((match["ip"] or "").strip("[]")),
        host=match["host"],
        inside=match["inside"],
        protocol=match["protocol"] or "tcp",
    )


def parse_mount(text: str) -> Mount:
    """Read "/opt/olsystem:/olsystem:ro" or "solr-data:/var/solr". Raises ValueError for anything else."""
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
