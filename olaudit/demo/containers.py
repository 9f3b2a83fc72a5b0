"""Simulated containers as an engine describes them, built from their expected state."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from olaudit.checks.container.pairing import parse_compose_name
from olaudit.checks.container.spec import ContainerSpec, Logging
from olaudit.demo.machine import Inspect
from olaudit.facts.container_settings import parse_mount, parse_port

ZERO_TIME = "0001-01-01T00:00:00Z"
"""The time that Docker writes for an event that has not happened."""

_IMAGE = "openlibrary/olbase:latest"


def docker_time(seconds: float) -> str:
    """Format a time (seconds since 1970) as Docker does."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.000000000Z"


def build_container(host: str, spec: ContainerSpec, started: float) -> Inspect:
    """Build the container that `spec` expects, running since `started` (seconds since 1970)."""
    name = spec.name.value
    id_ = hashlib.sha256(f"{host} {name}".encode()).hexdigest()
    image = spec.image.value if spec.image else _IMAGE
    policy, _, tries = (spec.restart.value if spec.restart else "unless-stopped").partition(":")
    return {
        "Id": id_,
        "Name": f"/{name}",
        "Image": f"sha256:{hashlib.sha256(image.encode()).hexdigest()}",
        "Created": docker_time(started - 60),
        "RestartCount": 0,
        "State": _state(spec.state.value == "running", started),
        "Config": {
            "Hostname": spec.hostname.value if spec.hostname else host,
            "Image": image,
            # An audit must never show this: containers have passwords here.
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "OL_SIMULATED_SECRET=never-to-be-seen"],
            "Labels": dict(_labels(spec)),
        },
        "HostConfig": {
            "NetworkMode": "openlibrary_webnet",
            "RestartPolicy": {"Name": policy, "MaximumRetryCount": int(tries or 0)},
            "PortBindings": _ports(spec),
            "LogConfig": {"Type": "json-file", "Config": _log_limits(spec)},
        },
        "Mounts": [_mount(text) for text in spec.mounts or ()],
    }


def _state(running: bool, started: float) -> dict[str, Any]:
    return {
        "Status": "running" if running else "exited",
        "Running": running,
        "Paused": False,
        "Restarting": False,
        "OOMKilled": False,
        "Dead": False,
        "ExitCode": 0,
        "Error": "",
        "StartedAt": docker_time(started),
        "FinishedAt": ZERO_TIME if running else docker_time(started + 60),
    }


def _labels(spec: ContainerSpec) -> Iterator[tuple[str, str]]:
    """Yield the labels that Compose sets; none for a container whose name is not from Compose."""
    name = parse_compose_name(spec.name.value, spec.service)
    if name is not None and name.project:
        yield "com.docker.compose.project", name.project
        yield "com.docker.compose.service", spec.service
        yield "com.docker.compose.container-number", name.number
        yield "com.docker.compose.oneoff", "False"


def _ports(spec: ContainerSpec) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in map(parse_port, spec.ports or ()):
        binding = {"HostIp": port.ip, "HostPort": port.host}
        bindings.setdefault(f"{port.inside}/{port.protocol}", []).append(binding)
    return bindings


def _log_limits(spec: ContainerSpec) -> dict[str, str]:
    logging = spec.logging or Logging()
    limits = {"max-file": logging.max_file, "max-size": logging.max_size}
    return {key: str(value) for key, value in limits.items() if value is not None}


def _mount(text: str) -> dict[str, Any]:
    mount = parse_mount(text)
    common = {"Destination": mount.destination, "Mode": "" if mount.writable else "ro", "RW": mount.writable}
    if mount.source.startswith("/"):
        return {"Type": "bind", "Source": mount.source, **common}
    folder = f"/var/lib/docker/volumes/{mount.source}/_data"
    return {"Type": "volume", "Name": mount.source, "Source": folder, "Driver": "local", **common}
