"""The containers of a host, as its Docker Engine describes them.

A host may answer anything. A value that is not of Docker's form is `Unknown`, or None where no check depends on it
alone. The other values of the container, and the other containers, stay known.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from olaudit.facts.answers import ABSENT, count_at, parse_json, text_at, value_at
from olaudit.facts.container_settings import (
    LogSettings,
    Mount,
    Port,
    read_log_settings,
    read_mounts,
    read_ports,
    read_restart_policy,
)
from olaudit.model import Answered, ContainerFields, Fact, Unknown

T = TypeVar("T")

_LABEL_PREFIX = "com.docker.compose."

FIELDS = (
    *("Id", "Name", "Image", "Created", "RestartCount"),
    *("State/Status", "State/Running", "State/Paused", "State/Restarting", "State/OOMKilled", "State/ExitCode"),
    *("State/Error", "State/Pid", "State/StartedAt", "State/FinishedAt", "State/Health/Status"),
    *("Config/Hostname", "Config/Image", f"Config/Labels/{_LABEL_PREFIX}*"),
    *("HostConfig/RestartPolicy", "HostConfig/PortBindings", "HostConfig/LogConfig", "HostConfig/NetworkMode"),
    *("Mounts/Type", "Mounts/Name", "Mounts/Source", "Mounts/Destination", "Mounts/Mode", "Mounts/RW"),
)
"""What is kept of a container's description, in the notation of `ContainerFields`.

Passwords are in the environment, in commands, and in labels of other programs: none of these may be listed here.
"""

_OMITTED = "Omitted"
"""The key of a container of which `_reduce` kept only the name and the state: its process is not evaluated."""

_STATUSES = frozenset({"created", "running", "paused", "restarting", "removing", "exited", "dead"})
_HEALTH = frozenset({"", "healthy", "unhealthy", "starting"})


@dataclass(frozen=True, slots=True)
class ContainerState:
    """The state of a container. `health` is empty without a healthcheck; times are aware of their zone.

    `started` and `finished` are None for "never", and where they could not be read.
    """

    status: str | Unknown
    exit_code: int | Unknown
    oom_killed: bool
    error: str
    started: datetime | None
    finished: datetime | None
    health: str | Unknown


@dataclass(frozen=True, slots=True)
class ComposeLabels:
    """The labels that Compose sets on its containers; a missing label is empty."""

    project: str
    service: str
    number: str
    oneoff: bool


@dataclass(frozen=True, slots=True)
class Process:
    """The first process of a container: its id (None if it could not be read), and what is mounted for it.

    `sources` maps paths inside the container to the paths on the host, as Docker returns them.
    """

    pid: int | None
    sources: Mapping[object, object]


@dataclass(frozen=True, slots=True)
class Container:
    """One container, running or not. `id` is empty, and `name` is None, where it could not be read.

    `process` is None for a container that does not run. `unreadable` is the reason why the engine lists the
    container but does not describe it; it is empty otherwise.
    """

    id: str
    name: str | None
    image: str | Unknown
    hostname: str | Unknown
    state: ContainerState
    restarts: int | Unknown
    policy: str | Unknown
    network: str
    compose: ComposeLabels | Unknown
    ports: tuple[Port, ...] | Unknown
    mounts: tuple[Mount, ...] | Unknown
    logs: LogSettings | Unknown
    process: Process | Unknown | None
    unreadable: str = ""

    @property
    def running(self) -> bool:
        """Whether its processes run now; False when it is paused or between two restarts."""
        return self.state.status == "running"


def _parse(answer: Answered) -> tuple[Container, ...] | Unknown:
    entries = _parse_entries(answer)
    if entries is None:
        return Unknown("the Docker Engine's answer is not a list of containers")
    return tuple(map(_container, entries))


def _parse_entries(answer: Answered) -> list[dict[str, Any]] | None:
    entries = parse_json(answer)
    return entries if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries) else None


def _container(entry: Mapping[str, object]) -> Container:
    return Container(
        id=text_at(entry, "Id") or "",
        name=_name(entry),
        image=_valid("image", text_at(entry, "Config", "Image") or None),
        hostname=_valid("hostname", text_at(entry, "Config", "Hostname")),
        state=_state(entry),
        restarts=_valid("restart count", count_at(entry, "RestartCount")),
        policy=_valid("restart policy", read_restart_policy(value_at(entry, "HostConfig", "RestartPolicy"))),
        network=text_at(entry, "HostConfig", "NetworkMode") or "",
        compose=_valid("labels", _compose(entry)),
        ports=_valid("ports", read_ports(value_at(entry, "HostConfig", "PortBindings"))),
        mounts=_valid("mounts", read_mounts(value_at(entry, "Mounts"))),
        logs=_valid("log settings", read_log_settings(value_at(entry, "HostConfig", "LogConfig"))),
        process=_process(entry),
        unreadable=(text_at(entry, "Unreadable") or "no reason given") if "Unreadable" in entry else "",
    )


def _valid(what: str, value: T | None) -> T | Unknown:
    return Unknown(f"the Docker Engine returned no valid {what}") if value is None else value


def _name(entry: Mapping[str, object]) -> str | None:
    return (text_at(entry, "Name") or "").removeprefix("/") or None


def _state(entry: Mapping[str, object]) -> ContainerState:
    return ContainerState(
        status=_valid("state", _status(value_at(entry, "State"))),
        exit_code=_valid("exit code", count_at(entry, "State", "ExitCode")),
        oom_killed=value_at(entry, "State", "OOMKilled") is True,
        error=text_at(entry, "State", "Error") or "",
        started=_time(entry, "State", "StartedAt"),
        finished=_time(entry, "State", "FinishedAt"),
        health=_valid("health status", _health(value_at(entry, "State", "Health"))),
    )


def _status(state: object) -> str | None:
    """Return the engine's status; for engines before 1.8, which have none, derive it from the flags."""
    if not isinstance(state, dict):
        return None
    flags = {flag for flag in ("Restarting", "Paused", "Running", "Dead") if state.get(flag) is True}
    status = state.get("Status")
    if "Restarting" in flags:
        return "restarting"
    if status is not None:
        return status if isinstance(status, str) and status in _STATUSES else None
    for flag in ("Paused", "Running", "Dead"):
        if flag in flags:
            return flag.lower()
    if state.get("Running") is not False:
        return None
    return "exited" if _time(state, "StartedAt") else "created"


def _health(health: object) -> str | None:
    if health is ABSENT or health is None:
        return ""
    status = text_at(health, "Status")
    status = "" if status == "none" else status
    return status if status in _HEALTH else None


def _compose(entry: Mapping[str, object]) -> ComposeLabels | None:
    if not isinstance(entry.get("Config"), dict):
        return None
    labels = value_at(entry, "Config", "Labels")
    if labels is ABSENT or labels is None:
        return ComposeLabels("", "", "", oneoff=False)
    if not isinstance(labels, dict):
        return None
    project, service, number, oneoff = (
        text_at(labels, f"{_LABEL_PREFIX}{key}") or ""
        for key in ("project", "service", "container-number", "oneoff")
    )
    return ComposeLabels(project, service, number, oneoff=oneoff.lower() == "true")


def _process(entry: Mapping[str, Any]) -> Process | Unknown | None:
    if _OMITTED in entry:
        return None
    try:
        if not entry["State"]["Running"]:
            return None
        sources = {mount["Destination"]: mount["Source"] for mount in entry["Mounts"]}
    except (KeyError, TypeError):
        return Unknown("the Docker Engine's answer about mounts could not be parsed")
    pid = value_at(entry, "State", "Pid")
    return Process(int(pid) if isinstance(pid, int) else None, sources)


def _time(document: object, *path: str) -> datetime | None:
    """Parse the RFC 3339 time at a path. Docker writes the year 1 for "never"."""
    try:
        time = datetime.fromisoformat(text_at(document, *path) or "")
        return time.astimezone(UTC) if time.tzinfo and time.year > 1 else None
    except (ValueError, OverflowError):
        return None


def _reduce(answer: Answered, keys: frozenset[str]) -> Answered:
    """Keep the containers with these names or ids, and the name and the state of the others."""
    entries = _parse_entries(answer)
    if entries is None:
        return answer
    reduced = [entry if {_name(entry), text_at(entry, "Id")} & keys else _outline(entry) for entry in entries]
    return replace(answer, stdout=json.dumps(reduced))


def _outline(entry: Mapping[str, object]) -> Mapping[str, object]:
    """Keep the name and the state of a container; one that could not be read is not reduced."""
    if isinstance(_process(entry), Unknown):
        return entry
    outline = {"Name": entry.get("Name"), "State": {"Status": _status(entry.get("State"))}, _OMITTED: True}
    compose = _compose(entry)
    # a one-off container is never paired, even if its name matches
    one_off = {"Config": {"Labels": {f"{_LABEL_PREFIX}oneoff": "True"}}} if compose and compose.oneoff else {}
    return outline | one_off


CONTAINERS: Fact[tuple[Container, ...]] = Fact("containers", ContainerFields(FIELDS), _parse, _reduce)
"""All containers of the host. `about` takes the name of a container on its host."""
