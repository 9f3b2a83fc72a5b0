"""container.stale-mount: the directory mounted in a container is still the one at its path on the host.

A deploy moves directories while containers run. A bind mount stays with its original directory, which may have
moved, while the host's path is a new directory. The container then continues to serve the old one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from olaudit.checker import Checker
from olaudit.facts import mounts
from olaudit.facts.containers import CONTAINERS, Container
from olaudit.facts.links import resolved_paths
from olaudit.facts.mounts import MountPoint
from olaudit.language import AbsolutePath
from olaudit.model import Basis, Check, Expectation, Fact, Facts, Result, Severity, Unknown, combine

LiveMounts = dict[AbsolutePath, AbsolutePath]
"""The section: paths inside containers, mapped to the host paths that they should be."""

STALE_MOUNT = Check(
    "container.stale-mount",
    Severity.CRITICAL,
    "a bind mount is no longer the directory at its path on the host",
    "`docker compose up -d --no-deps --force-recreate SERVICE`",
)


_User = tuple[Container, str, Mapping[str, str]]
"""A running container, its first process, and those of the expected mounts that it has."""


def list_facts(spec: Mapping[str, str]) -> tuple[Fact[Any], ...]:
    """List the facts: the containers, their mounts, and the directories at these paths on the host."""
    if not spec:
        return ()
    return (CONTAINERS, mounts.of_processes(spec), _directories(spec), mounts.ON_HOST)


def _directories(spec: Mapping[str, str]) -> Fact[Mapping[str, str]]:
    return resolved_paths(tuple(sorted(set(spec.values()))))


def evaluate(spec: Mapping[str, str], facts: Facts) -> Iterator[Result]:
    """Evaluate each running container that mounts one of the paths."""
    containers = facts[CONTAINERS]
    users = containers if isinstance(containers, Unknown) else _find_users(spec, containers)
    if isinstance(users, Unknown):
        yield _expect("container", CONTAINERS).unknown(users.reason)
        return
    processes, resolved = mounts.of_processes(spec), _directories(spec)
    directories = _find_directories(facts[mounts.ON_HOST], facts[resolved])
    mount_points = () if isinstance(directories, Unknown) else {path.at for path in directories.values()}
    host = (resolved, mounts.ON_HOST.about(*mount_points))
    observed = combine(facts[processes], directories)
    for container, pid, paths in users:
        key = container.name or container.id or "container"
        expectation = _expect(key, CONTAINERS.about(key), processes.about(pid), *host)
        yield expectation.evaluate(observed, partial(_evaluate_paths, expectation, pid, paths))


def _expect(subject: str, *based_on: Fact[Any] | Basis) -> Expectation:
    expected = "its mounts are the current directories at their host paths"
    return STALE_MOUNT.expect(subject, ("live_mounts",), expected, based_on=based_on)


def _find_users(spec: Mapping[str, str], containers: tuple[Container, ...]) -> list[_User] | Unknown:
    """List the running containers that mount any of the paths, by name."""
    users: list[_User] = []
    for container in containers:
        process = container.process
        if container.unreadable:
            return Unknown(f"a container could not be inspected: {container.unreadable}"[:500])
        if isinstance(process, Unknown):
            return process
        # another source is another volume, which container.mounts checks
        paths = {path: spec[path] for path in sorted(spec) if process and process.sources.get(path) == spec[path]}
        if process and paths:
            if process.pid is None:
                return Unknown("the Docker Engine's answer about mounts could not be parsed")
            users.append((container, str(process.pid), paths))
    return sorted(users, key=lambda user: (user[0].name or "", user[1]))


def _find_directories(
    on_host: tuple[MountPoint, ...] | Unknown, resolved: Mapping[str, str] | Unknown
) -> Mapping[str, MountPoint] | Unknown:
    """Map each source to its current file system and directory there, as if it were a mount of this directory."""
    values = combine(on_host, resolved)
    if isinstance(values, Unknown):
        return values
    mount_points, targets = values
    directories = {}
    for source, target in targets.items():
        containing = [mount for mount in mount_points if f"{target}/".startswith(f"{mount.at.rstrip('/')}/")]
        if not containing:
            return Unknown(f"no file system of the host contains {source}")
        # reversed: of two mounts at one path, the later covers the earlier
        nearest = max(reversed(containing), key=lambda mount: len(mount.at))
        relative = target.removeprefix(nearest.at.rstrip("/"))
        directories[source] = replace(nearest, root=nearest.root.rstrip("/") + relative or "/")
    return directories


def _evaluate_paths(
    expectation: Expectation,
    pid: str,
    paths: Mapping[str, str],
    observed: tuple[tuple[MountPoint, ...], Mapping[str, MountPoint]],
) -> Result:
    of_processes, directories = observed
    mounted = {mount.at: mount for mount in of_processes if mount.pid == pid}
    if missing := [path for path in paths if path not in mounted]:
        return expectation.unknown(f"no mount at {', '.join(missing)} is listed for its process {pid}")
    current = {path: directories[source] for path, source in paths.items()}
    stale = [
        f"{path} is {mounted[path].root}"
        for path in paths
        if (mounted[path].dev, mounted[path].root) != (current[path].dev, current[path].root)
    ]
    if not stale:
        return expectation.ok(", ".join(f"{path} is {source}" for path, source in paths.items()))
    message = "its mount is a directory that was moved or replaced on the host: recreate the container"
    return expectation.drift("; ".join(stale), message)


CHECKER: Checker[Mapping[str, str]] = Checker(
    section="live_mounts",
    model=LiveMounts,
    checks=(STALE_MOUNT,),
    collected="/proc/PID/mountinfo of the containers' first processes (sudo) and of the host",
    facts=list_facts,
    evaluate=evaluate,
)
