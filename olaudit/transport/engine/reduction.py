"""What is kept of an engine's answers. The environment of containers (passwords, mostly) is dropped here.

An object that the engine lists and that cannot be read is kept too, as `unreadable`: it must not vanish.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from olaudit.transport.engine.decoding import bounded
from olaudit.transport.engine.errors import BadAnswer

_VERSION = ("Platform", "Version", "ApiVersion", "MinAPIVersion", "GitCommit", "Os", "Arch", "KernelVersion")
_CONTAINER = ("Id", "Name", "Image", "Created", "RestartCount")
_KEPT: dict[str, tuple[str, ...]] = {
    "State": (
        "Status",
        "Running",
        "Paused",
        "Restarting",
        "OOMKilled",
        "ExitCode",
        "Error",
        "Pid",
        "StartedAt",
        "FinishedAt",
    ),
    "Config": ("Hostname", "Image"),
    "HostConfig": ("RestartPolicy", "PortBindings", "LogConfig", "NetworkMode"),
}
_MOUNT = ("Type", "Name", "Source", "Destination", "Mode", "RW")
_LABELS = "com.docker.compose."


def reduced(inspect: dict[str, Any]) -> dict[str, Any]:
    """Keep of `GET /containers/ID/json` only what checks may see."""
    kept = _only(inspect, _CONTAINER)
    for part, keys in _KEPT.items():
        kept[part] = _only(inspect.get(part), keys)
    health = _dict(_dict(inspect.get("State")).get("Health"))
    if "Status" in health:
        kept["State"]["Health"] = {"Status": health["Status"]}
    # A key that the engine left out stays out: "says nothing of mounts" is not "has no mounts"
    if "Labels" in _dict(inspect.get("Config")):
        labels = _dict(inspect["Config"]["Labels"])
        kept["Config"]["Labels"] = {key: value for key, value in labels.items() if key.startswith(_LABELS)}
    if isinstance(mounts := inspect.get("Mounts"), list):
        kept["Mounts"] = [_only(mount, _MOUNT) for mount in mounts]
    bounded_copy: dict[str, Any] = bounded(kept)
    return bounded_copy


def _only(whole: Any, keys: Iterable[str]) -> dict[str, Any]:
    return {key: _dict(whole)[key] for key in keys if key in _dict(whole)}


def _dict(value: Any) -> dict[str, Any]:
    """Take anything else for empty: an engine may send null, or nonsense."""
    return value if isinstance(value, dict) else {}


def reduced_version(answer: Any) -> dict[str, Any]:
    """Keep of `GET /version` what describes the engine. Raises BadAnswer where it names no version."""
    if not isinstance(answer, dict) or not isinstance(answer.get("Version"), str):
        raise BadAnswer("Docker's answer could not be parsed: it names no version")
    kept: dict[str, Any] = bounded(_only(answer, _VERSION))
    return kept


def unreadable(id_: str, name: str, reason: str) -> dict[str, Any]:
    """Describe a container that the engine lists and that could not be read; `name` is empty where it has none."""
    return {"Id": id_, "Name": name and f"/{name}", "Unreadable": reason}


def reduced_changes(answer: Any, below: tuple[str, ...]) -> list[dict[str, Any]]:
    """Keep of `GET /containers/ID/changes` the rows of paths that begin with one of `below`."""
    if answer is None:  # how engines write that there are none
        return []
    if not isinstance(answer, list):
        raise BadAnswer("Docker's answer could not be parsed: no list of changed files")
    kept = []
    for row in answer:
        path, kind = (row.get("Path"), row.get("Kind")) if isinstance(row, dict) else (None, None)
        if not isinstance(path, str) or isinstance(kind, bool) or kind not in (0, 1, 2):
            raise BadAnswer("Docker's answer could not be parsed: no list of changed files")
        if path.startswith(below):
            kept.append({"Path": bounded(path), "Kind": kind})
    return kept
