"""What a Docker Engine says of its containers, read without trusting any of it.

A host may answer anything. A value that is not of Docker's shape becomes None, "could not be read", on its
own: the rest of the container, and the other containers, stay readable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from olaudit.checks.container.notation import Logs, Mount, Port, clean_path, every_address
from olaudit.model import Answer, Answered, Unanswered

_LONGEST = 4096  # characters of one text: the longest path there is; what is longer is not Docker's
_STATUSES = frozenset({"created", "running", "paused", "restarting", "removing", "exited", "dead"})
_INSIDE = re.compile(r"([0-9]{1,5})/(tcp|udp|sctp)")
_COMPOSE = "com.docker.compose."
_ABSENT: Final = object()
_MOST = 1 << 63  # counts are 64 bits wide

V = TypeVar("V", Port, Mount)


@dataclass(frozen=True, slots=True)
class State:
    """What a container is doing. `health` is empty without a healthcheck; times are aware of their zone."""

    status: str | None
    exit_code: int | None
    oom_killed: bool
    error: str
    started: datetime | None
    finished: datetime | None
    health: str | None


@dataclass(frozen=True, slots=True)
class Compose:
    """The labels that Compose leaves on what it starts; empty where there is none."""

    project: str
    service: str
    number: str
    oneoff: bool


@dataclass(frozen=True, slots=True)
class Container:
    """One container, running or not. None: could not be read. `id` is empty then.

    `unreadable` says why an engine that lists the container gave no description of it; it is empty otherwise.
    """

    id: str
    name: str | None
    image: str | None
    hostname: str | None
    state: State
    restarts: int | None
    policy: str | None
    network: str
    compose: Compose | None
    ports: tuple[Port, ...] | None
    mounts: tuple[Mount, ...] | None
    logs: Logs | None
    unreadable: str = ""

    @property
    def running(self) -> bool:
        """Whether its processes run now; not so when paused, or between two restarts."""
        return self.state.status == "running"


def read(answer: Answer) -> tuple[Container, ...] | Unanswered:
    """Read the engine's answer; what is not a list of containers at all is no answer. Total."""
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


def read_clock(answer: Answer) -> int | None:
    """Read `date -u +%s`: seconds since 1970 by the host's own clock. Total."""
    text = answer.stdout.strip() if isinstance(answer, Answered) and answer.status == 0 else ""
    return int(text) if re.fullmatch(r"[0-9]{1,11}", text) else None


def _container(entry: Mapping[str, object]) -> Container:
    name = _text(_find(entry, "Name"))
    return Container(
        id=_text(_find(entry, "Id")) or "",
        name=(name or "").removeprefix("/") or None,
        image=_text(_find(entry, "Config", "Image")) or None,
        hostname=_text(_find(entry, "Config", "Hostname")),
        state=_state(entry),
        restarts=_count(_find(entry, "RestartCount")),
        policy=_policy(_find(entry, "HostConfig", "RestartPolicy")),
        network=_text(_find(entry, "HostConfig", "NetworkMode")) or "",
        compose=_compose(entry),
        ports=_ports(_find(entry, "HostConfig", "PortBindings")),
        mounts=_mounts(_find(entry, "Mounts")),
        logs=_logs(_find(entry, "HostConfig", "LogConfig")),
        unreadable=_unreadable(_find(entry, "Unreadable")),
    )


def _unreadable(reason: object) -> str:
    return "" if reason is _ABSENT else _text(reason) or "it could not be read"


def _state(entry: Mapping[str, object]) -> State:
    return State(
        status=_status(_find(entry, "State")),
        exit_code=_count(_find(entry, "State", "ExitCode")),
        oom_killed=_find(entry, "State", "OOMKilled") is True,
        error=_text(_find(entry, "State", "Error")) or "",
        started=_time(_find(entry, "State", "StartedAt")),
        finished=_time(_find(entry, "State", "FinishedAt")),
        health=_health(_find(entry, "State", "Health")),
    )


def _status(state: object) -> str | None:
    """Take the engine's word, or on engines older than the word (1.8) what its flags come to."""
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
    status = _text(_find(health, "Status"))
    return "" if status == "none" else status


def _policy(policy: object) -> str | None:
    name = _text(_find(policy, "Name"))
    if name is None:
        return None
    tries = _count(_find(policy, "MaximumRetryCount")) or 0
    return f"{name}:{tries}" if name == "on-failure" and tries else name or "no"


def _compose(entry: Mapping[str, object]) -> Compose | None:
    if not isinstance(entry.get("Config"), dict):
        return None
    labels = _find(entry, "Config", "Labels")
    if labels is _ABSENT or labels is None:
        return Compose("", "", "", oneoff=False)
    if not isinstance(labels, dict):
        return None
    project, service, number, oneoff = (
        _text(labels.get(f"{_COMPOSE}{key}")) or "" for key in ("project", "service", "container-number", "oneoff")
    )
    return Compose(project, service, number, oneoff=oneoff.lower() == "true")


def _ports(bindings: object) -> tuple[Port, ...] | None:
    if bindings is None:
        return ()
    if not isinstance(bindings, dict):
        return None
    # A port that is merely exposed has null for its bindings.
    return _complete(_port(key, row) for key, rows in bindings.items() if rows is not None for row in _rows(rows))


def _port(key: str, binding: object) -> Port | None:
    match = _INSIDE.fullmatch(key)
    ip, host = _text(_find(binding, "HostIp")), _text(_find(binding, "HostPort"))
    if match is None or host is None:
        return None
    return Port(ip=every_address(ip or ""), host=host, inside=match[1], protocol=match[2])


def _logs(logs: object) -> Logs | None:
    driver, config = _text(_find(logs, "Type")), _find(logs, "Config")
    options = {} if config is None else config
    if not driver or not isinstance(options, dict):
        return None
    size, files = (_text(options.get(key, "")) for key in ("max-size", "max-file"))
    return None if size is None or files is None else Logs(driver, size, files)


def _mounts(mounts: object) -> tuple[Mount, ...] | None:
    return () if mounts is None else _complete(_mount(row) for row in _rows(mounts))


def _mount(mount: object) -> Mount | None:
    source = _text(_find(mount, "Name")) or _text(_find(mount, "Source"))
    destination, writable = _text(_find(mount, "Destination")), _find(mount, "RW")
    if source is None or not destination or not isinstance(writable, bool):
        return None
    return Mount(clean_path(source), clean_path(destination), writable)


def _rows(value: object) -> list[object]:
    """Give the rows of a list; anything else counts as one row, which then cannot be read."""
    return value if isinstance(value, list) else [value]


def _complete(values: Iterable[V | None]) -> tuple[V, ...] | None:
    """Sort the values, or give None when one could not be read: half a list would be judged as a whole one."""
    found = list(values)
    readable = [value for value in found if value is not None]
    return tuple(sorted(set(readable))) if len(readable) == len(found) else None


def _find(tree: object, *path: str) -> object:
    """Follow keys into nested objects. `_ABSENT` where a key, or an object on the way, is not there."""
    for key in path:
        tree = tree.get(key, _ABSENT) if isinstance(tree, dict) else _ABSENT
    return tree


def _text(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    # JSON can spell half a surrogate pair, which no file, terminal or hash takes.
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST else None


def _time(value: object) -> datetime | None:
    """Read RFC 3339. Docker writes the year 1 for "never"."""
    try:
        time = datetime.fromisoformat(_text(value) or "")
        return time.astimezone(UTC) if time.tzinfo and time.year > 1 else None
    except (ValueError, OverflowError):
        return None
