"""Parser of a Docker Engine's answer about its containers, which treats the answer as untrusted input.

A host may answer anything. A value that is not of Docker's form becomes None, "could not be read". The other
values of the container, and the other containers, stay readable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from olaudit.checks.container.notation import LogSettings, Mount, Port, clean_path, normalize_address
from olaudit.model import Answer, Answered, Unanswered

_TEXT_LIMIT = 4096  # characters: the longest path; Docker returns no longer text
_STATUSES = frozenset({"created", "running", "paused", "restarting", "removing", "exited", "dead"})
_CONTAINER_PORT = re.compile(r"([0-9]{1,5})/(tcp|udp|sctp)")
_LABEL_PREFIX = "com.docker.compose."
_ABSENT: Final = object()
_COUNT_LIMIT = 1 << 63  # counts are 64 bits wide

T = TypeVar("T", Port, Mount)


@dataclass(frozen=True, slots=True)
class ContainerState:
    """The state of a container. `health` is empty without a healthcheck; times are aware of their zone."""

    status: str | None
    exit_code: int | None
    oom_killed: bool
    error: str
    started: datetime | None
    finished: datetime | None
    health: str | None


@dataclass(frozen=True, slots=True)
class ComposeLabels:
    """The labels that Compose sets on its containers; a missing label is empty."""

    project: str
    service: str
    number: str
    oneoff: bool


@dataclass(frozen=True, slots=True)
class Container:
    """One container, running or not. A value that could not be read is None; an `id` is empty then.

    `unreadable` is the reason why the engine lists the container but does not describe it; it is empty otherwise.
    """

    id: str
    name: str | None
    image: str | None
    hostname: str | None
    state: ContainerState
    restarts: int | None
    policy: str | None
    network: str
    compose: ComposeLabels | None
    ports: tuple[Port, ...] | None
    mounts: tuple[Mount, ...] | None
    logs: LogSettings | None
    unreadable: str = ""

    @property
    def running(self) -> bool:
        """Whether its processes run now; False when it is paused or between two restarts."""
        return self.state.status == "running"


def parse_containers(answer: Answer) -> tuple[Container, ...] | Unanswered:
    """Parse the engine's answer; an answer that is not a list of containers counts as unanswered. Total."""
    if isinstance(answer, Unanswered):
        return answer
    if answer.status != 0:
        return Unanswered(f"the Docker Engine's answer failed with status {answer.status}")
    try:
        entries = json.loads(answer.stdout)
    except (ValueError, RecursionError):
        return Unanswered("the Docker Engine's answer is not JSON")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return Unanswered("the Docker Engine's answer is not a list of containers")
    return tuple(_container(entry) for entry in entries)


def parse_clock(answer: Answer) -> int | None:
    """Parse the output of `date -u +%s`: seconds since 1970 by the host's own clock. Total."""
    text = answer.stdout.strip() if isinstance(answer, Answered) and answer.status == 0 else ""
    return int(text) if re.fullmatch(r"[0-9]{1,11}", text) else None


def _container(entry: Mapping[str, object]) -> Container:
    name = _text(_value_at(entry, "Name"))
    return Container(
        id=_text(_value_at(entry, "Id")) or "",
        name=(name or "").removeprefix("/") or None,
        image=_text(_value_at(entry, "Config", "Image")) or None,
        hostname=_text(_value_at(entry, "Config", "Hostname")),
        state=_state(entry),
        restarts=_count(_value_at(entry, "RestartCount")),
        policy=_policy(_value_at(entry, "HostConfig", "RestartPolicy")),
        network=_text(_value_at(entry, "HostConfig", "NetworkMode")) or "",
        compose=_compose(entry),
        ports=_ports(_value_at(entry, "HostConfig", "PortBindings")),
        mounts=_mounts(_value_at(entry, "Mounts")),
        logs=_logs(_value_at(entry, "HostConfig", "LogConfig")),
        unreadable=_unreadable(_value_at(entry, "Unreadable")),
    )


def _unreadable(reason: object) -> str:
    return "" if reason is _ABSENT else _text(reason) or "no reason given"


def _state(entry: Mapping[str, object]) -> ContainerState:
    return ContainerState(
        status=_status(_value_at(entry, "State")),
        exit_code=_count(_value_at(entry, "State", "ExitCode")),
        oom_killed=_value_at(entry, "State", "OOMKilled") is True,
        error=_text(_value_at(entry, "State", "Error")) or "",
        started=_time(_value_at(entry, "State", "StartedAt")),
        finished=_time(_value_at(entry, "State", "FinishedAt")),
        health=_health(_value_at(entry, "State", "Health")),
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
    return "exited" if _time(state.get("StartedAt")) else "created"


def _health(health: object) -> str | None:
    if health is _ABSENT or health is None:
        return ""
    status = _text(_value_at(health, "Status"))
    return "" if status == "none" else status


def _policy(policy: object) -> str | None:
    name = _text(_value_at(policy, "Name"))
    if name is None:
        return None
    tries = _count(_value_at(policy, "MaximumRetryCount")) or 0
    return f"{name}:{tries}" if name == "on-failure" and tries else name or "no"


def _compose(entry: Mapping[str, object]) -> ComposeLabels | None:
    if not isinstance(entry.get("Config"), dict):
        return None
    labels = _value_at(entry, "Config", "Labels")
    if labels is _ABSENT or labels is None:
        return ComposeLabels("", "", "", oneoff=False)
    if not isinstance(labels, dict):
        return None
    project, service, number, oneoff = (
        _text(labels.get(f"{_LABEL_PREFIX}{key}")) or ""
        for key in ("project", "service", "container-number", "oneoff")
    )
    return ComposeLabels(project, service, number, oneoff=oneoff.lower() == "true")


def _ports(bindings: object) -> tuple[Port, ...] | None:
    if bindings is None:
        return ()
    if not isinstance(bindings, dict):
        return None
    # A port that is only exposed has null for its bindings.
    return _complete(_port(key, row) for key, rows in bindings.items() if rows is not None for row in _rows(rows))


def _port(key: str, binding: object) -> Port | None:
    match = _CONTAINER_PORT.fullmatch(key)
    ip, host = _text(_value_at(binding, "HostIp")), _text(_value_at(binding, "HostPort"))
    if match is None or host is None:
        return None
    return Port(ip=normalize_address(ip or ""), host=host, inside=match[1], protocol=match[2])


def _logs(logs: object) -> LogSettings | None:
    driver, config = _text(_value_at(logs, "Type")), _value_at(logs, "Config")
    options = {} if config is None else config
    if not driver or not isinstance(options, dict):
        return None
    size, files = (_text(options.get(key, "")) for key in ("max-size", "max-file"))
    return None if size is None or files is None else LogSettings(driver, size, files)


def _mounts(mounts: object) -> tuple[Mount, ...] | None:
    return () if mounts is None else _complete(_mount(row) for row in _rows(mounts))


def _mount(mount: object) -> Mount | None:
    source = _text(_value_at(mount, "Name")) or _text(_value_at(mount, "Source"))
    destination, writable = _text(_value_at(mount, "Destination")), _value_at(mount, "RW")
    if source is None or not destination or not isinstance(writable, bool):
        return None
    return Mount(clean_path(source), clean_path(destination), writable)


def _rows(value: object) -> list[object]:
    """Return the rows of a list; any other value counts as one row, which then cannot be parsed."""
    return value if isinstance(value, list) else [value]


def _complete(values: Iterable[T | None]) -> tuple[T, ...] | None:
    """Sort the values, or return None if any could not be read: a partial list must not look complete."""
    rows = list(values)
    readable = [value for value in rows if value is not None]
    return tuple(sorted(set(readable))) if len(readable) == len(rows) else None


def _value_at(tree: object, *path: str) -> object:
    """Return the value at a path of keys in nested objects, or `_ABSENT` if the path does not exist."""
    for key in path:
        tree = tree.get(key, _ABSENT) if isinstance(tree, dict) else _ABSENT
    return tree


def _text(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > _TEXT_LIMIT:
        return None
    # JSON can contain half of a surrogate pair, which no file, terminal or hash accepts.
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _COUNT_LIMIT else None


def _time(value: object) -> datetime | None:
    """Parse an RFC 3339 time. Docker writes the year 1 for "never"."""
    try:
        time = datetime.fromisoformat(_text(value) or "")
        return time.astimezone(UTC) if time.tzinfo and time.year > 1 else None
    except (ValueError, OverflowError):
        return None
