"""Reduction of an engine's answers to the fields that checks use.

The environment of containers, which contains passwords, is removed here. A container that is listed and could not
be read is represented by `unreadable_container`, so that it is not lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from olaudit.transport.engine.decoding import bounded
from olaudit.transport.engine.errors import InvalidAnswer

_VERSION_KEYS = ("Platform", "Version", "ApiVersion", "MinAPIVersion", "GitCommit", "Os", "Arch", "KernelVersion")
_CONTAINER_KEYS = ("Id", "Name", "Image", "Created", "RestartCount")
_NESTED_KEYS: dict[str, tuple[str, ...]] = {
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
_MOUNT_KEYS = ("Type", "Name", "Source", "Destination", "Mode", "RW")
_LABEL_PREFIX = "com.docker.compose."


def reduce_inspection(inspection: dict[str, Any]) -> dict[str, Any]:
    """Reduce an answer to `GET /containers/ID/json`."""
    reduced = _select(inspection, _CONTAINER_KEYS)
    for key, nested_keys in _NESTED_KEYS.items():
        reduced[key] = _select(inspection.get(key), nested_keys)
    health = _as_dict(_as_dict(inspection.get("State")).get("Health"))
    if "Status" in health:
        reduced["State"]["Health"] = {"Status": health["Status"]}
    # A key that the engine omits stays absent: an answer without "Mounts" does not mean that there are no mounts
    if "Labels" in _as_dict(inspection.get("Config")):
        labels = _as_dict(inspection["Config"]["Labels"])
        reduced["Config"]["Labels"] = {
            key: value for key, value in labels.items() if key.startswith(_LABEL_PREFIX)
        }
    if isinstance(mounts := inspection.get("Mounts"), list):
        reduced["Mounts"] = [_select(mount, _MOUNT_KEYS) for mount in mounts]
    bounded_copy: dict[str, Any] = bounded(reduced)
    return bounded_copy


def _select(mapping: Any, keys: Iterable[str]) -> dict[str, Any]:
    return {key: _as_dict(mapping)[key] for key in keys if key in _as_dict(mapping)}


def _as_dict(value: Any) -> dict[str, Any]:
    """Return a dictionary unchanged, and an empty one for any other value: an engine may send null."""
    return value if isinstance(value, dict) else {}


def reduce_version(answer: Any) -> dict[str, Any]:
    """Reduce an answer to `GET /version`. Raises InvalidAnswer where it contains no version."""
    if not isinstance(answer, dict) or not isinstance(answer.get("Version"), str):
        raise InvalidAnswer("Docker's answer could not be parsed: it contains no version")
    reduced: dict[str, Any] = bounded(_select(answer, _VERSION_KEYS))
    return reduced


def unreadable_container(id_: str, name: str, reason: str) -> dict[str, Any]:
    """Describe a container that is listed and could not be read; `name` is "" if it is not known."""
    return {"Id": id_, "Name": name and f"/{name}", "Unreadable": reason}


def reduce_changes(answer: Any, prefixes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Reduce an answer to `GET /containers/ID/changes` to paths that begin with a prefix. Raises InvalidAnswer."""
    if answer is None:  # what engines send instead of an empty list
        return []
    if not isinstance(answer, list):
        raise InvalidAnswer("Docker's answer could not be parsed: no list of changed files")
    changes = []
    for row in answer:
        path, kind = (row.get("Path"), row.get("Kind")) if isinstance(row, dict) else (None, None)
        if not isinstance(path, str) or isinstance(kind, bool) or kind not in (0, 1, 2):
            raise InvalidAnswer("Docker's answer could not be parsed: no list of changed files")
        if path.startswith(prefixes):
            changes.append({"Path": bounded(path), "Kind": kind})
    return changes
