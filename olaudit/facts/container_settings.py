"""Ports, mounts and log settings of a container: comparable values, in compose.yaml's notation and in Docker's."""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from olaudit.facts.answers import count_at, text_at, value_at

_PORT = re.compile(
    r"(?:(?P<ip>[0-9.]+|\[[0-9a-fA-F:.]+\]):)?(?P<host>[0-9]{1,5}):(?P<inside>[0-9]{1,5})(?:/(?P<protocol>tcp|udp|sctp))?"
)
_CONTAINER_PORT = re.compile(r"([0-9]{1,5})/(tcp|udp|sctp)")
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
        size, files = self.max_size or "not given", self.max_file or "not given"
        return f"{self.driver}, max-size {size}, max-file {files}"


T = TypeVar("T", Port, Mount)


def _normalize_address(ip: str) -> str:
    """Return the empty string for "0.0.0.0": Docker writes "all addresses" in both ways."""
    return "" if ip == "0.0.0.0" else ip  # noqa: S104 - only compared; no socket is bound


def _clean_path(path: str) -> str:
    """Remove doubled and trailing slashes, which have no meaning in a mount."""
    return posixpath.normpath(path) if path.startswith("/") else path


# --- compose.yaml's notation ----------------------------------------------------------------------------------


def parse_port(text: str) -> Port:
    """Parse "8080:8080/tcp" or "127.0.0.1:7000:7000". Raises ValueError for other texts."""
    match = _PORT.fullmatch(text)
    if not match or not all(0 < int(match[side]) < 65536 for side in ("host", "inside")):
        raise ValueError(f'{text!r} is not a published port: write "8080:8080/tcp" or "127.0.0.1:7000:7000/tcp"')
    return Port(
        ip=_normalize_address((match["ip"] or "").strip("[]")),
        host=match["host"],
        inside=match["inside"],
        protocol=match["protocol"] or "tcp",
    )


def parse_mount(text: str) -> Mount:
    """Parse "/opt/olsystem:/olsystem:ro" or "solr-data:/var/solr". Raises ValueError for other texts."""
    if not (match := _MOUNT.fullmatch(text)):
        raise ValueError(
            f'{text!r} is not a mount: write "SOURCE:DESTINATION" or "SOURCE:DESTINATION:ro", with absolute paths'
        )
    return Mount(
        source=_clean_path(match["source"]),
        destination=_clean_path(match["destination"]),
        writable=match["mode"] != "ro",
    )


# --- Docker's notation: None for a value that is not of Docker's form ------------------------------------------


def read_ports(bindings: object) -> tuple[Port, ...] | None:
    """Parse `HostConfig.PortBindings`, sorted. Total."""
    if bindings is None:
        return ()
    if not isinstance(bindings, dict):
        return None
    # A port that is only exposed has null for its bindings.
    return _complete(_port(key, row) for key, rows in bindings.items() if rows is not None for row in _rows(rows))


def read_mounts(mounts: object) -> tuple[Mount, ...] | None:
    """Parse `Mounts`, sorted. Total."""
    return () if mounts is None else _complete(_mount(row) for row in _rows(mounts))


def read_log_settings(logs: object) -> LogSettings | None:
    """Parse `HostConfig.LogConfig`. Total."""
    driver, config = text_at(logs, "Type"), value_at(logs, "Config")
    options = {} if config is None else config
    if not driver or not isinstance(options, dict):
        return None
    size, files = (text_at({key: ""} | options, key) for key in ("max-size", "max-file"))
    return None if size is None or files is None else LogSettings(driver, size, files)


def read_restart_policy(policy: object) -> str | None:
    """Parse `HostConfig.RestartPolicy`, as "always" or "on-failure:3". Total."""
    name = text_at(policy, "Name")
    if name is None:
        return None
    tries = count_at(policy, "MaximumRetryCount") or 0
    return f"{name}:{tries}" if name == "on-failure" and tries else name or "no"


def _port(key: str, binding: object) -> Port | None:
    match = _CONTAINER_PORT.fullmatch(key)
    ip, host = text_at(binding, "HostIp"), text_at(binding, "HostPort")
    if match is None or host is None:
        return None
    return Port(ip=_normalize_address(ip or ""), host=host, inside=match[1], protocol=match[2])


def _mount(mount: object) -> Mount | None:
    source = text_at(mount, "Name") or text_at(mount, "Source")
    destination, writable = text_at(mount, "Destination"), value_at(mount, "RW")
    if source is None or not destination or not isinstance(writable, bool):
        return None
    return Mount(_clean_path(source), _clean_path(destination), writable)


def _rows(value: object) -> list[object]:
    """Return the rows of a list; any other value counts as one row, which then cannot be parsed."""
    return value if isinstance(value, list) else [value]


def _complete(values: Iterable[T | None]) -> tuple[T, ...] | None:
    """Sort the values, or return None if any could not be read: a partial list must not look complete."""
    rows = list(values)
    readable = [value for value in rows if value is not None]
    return tuple(sorted(set(readable))) if len(readable) == len(rows) else None
