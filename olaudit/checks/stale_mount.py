"""container.stale-mount: the directory mounted in a container is still the one at its path on the host.

A deploy moves directories while containers run. A bind mount stays with its original directory, which may have
moved, while the host's path is a new directory. The container then continues to serve the old one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from olaudit.checker import Checker
from olaudit.facts import mounts
from olaudit.facts.containers import CONTAINERS, Container
from olaudit.facts.mounts import MountPoint
from olaudit.language import AbsolutePath
from olaudit.model import Basis, Check, Expectation, Fact, Facts, Result, Severity, Unknown, known

LiveMounts = dict[AbsolutePath, AbsolutePath]
"""The section: paths inside containers, mapped to the host paths that they should be."""

STALE_MOUNT = Check(
    "container.stale-mount",
    Severity.CRITICAL,
    "a bind mount is no longer the directory at its path on the host",
    "`docker compose up -d --no-deps --force-recreate SERVICE`",
)


@dataclass(frozen=True, slots=True)
class _User:
    """A running container that mounts some of the paths: its name, first process, and these paths, sorted."""

    name: str
    pid: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Directory:
    """The directory `path` of the file system that is mounted on the host at `mounted_at`."""

    dev: str
    path: str
    mounted_at: str


def list_facts(spec: Mapping[str, str]) -> tuple[Fact[Any], ...]:
    """List the facts: the containers, their mounts, and the directories at these paths on the host."""
    if not spec:
        return ()
    return (CONTAINERS, mounts.of_processes(spec), mounts.resolved(spec.values()), mounts.ON_HOST)


def evaluate(spec: Mapping[str, str], facts: Facts) -> Iterator[Result]:
    """Evaluate each running container that mounts one of the paths."""
    users = _find_users(spec, facts[CONTAINERS])
    if isinstance(users, Unknown):
        yield _expect("container", CONTAINERS).unknown(users.reason)
        return
    processes, resolved = mounts.of_processes(spec), mounts.resolved(spec.values())
    directories = _find_directories(facts[mounts.ON_HOST], facts[resolved])
    nearest = () if isinstance(directories, Unknown) else (item.mounted_at for item in directories.values())
    on_host = mounts.ON_HOST.about(*nearest)
    observed = known(facts[processes], directories)
    for user in users:
        container, process = CONTAINERS.about(user.name), processes.about(user.pid)
        expectation = _expect(user.name, container, process, resolved, on_host)
        yield expectation.given(observed, partial(_evaluate_user, expectation, spec, user))


def _expect(subject: str, *based_on: Fact[Any] | Basis) -> Expectation:
    expected = "its mounts are the current directories at their host paths"
    return STALE_MOUNT.expect(subject, ("live_mounts",), expected, based_on=based_on)


def _find_users(spec: Mapping[str, str], containers: tuple[Container, ...] | Unknown) -> list[_User] | Unknown:
    if isinstance(containers, Unknown):
        return containers
    users = []
    for container in containers:
        process = container.process
        if container.unreadable:
            return Unknown(f"a container could not be inspected: {container.unreadable}"[:500])
        if isinstance(process, Unknown):
            return process
        # another source is another volume, which container.mounts checks
        paths = [path for path in sorted(spec) if process and process.sources.get(path) == spec[path]]
        if process and paths:
            if container.name is None or process.pid is None:
                return Unknown("the Docker Engine's answer about mounts could not be parsed")
            users.append(_User(container.name, str(process.pid), tuple(paths)))
    return sorted(users, key=lambda user: (user.name, user.pid))


def _find_directories(
    on_host: tuple[MountPoint, ...] | Unknown, resolved: Mapping[str, str] | Unknown
) -> Mapping[str, _Directory] | Unknown:
    """Map each source to its current file system and directory there."""
    if isinstance(on_host, Unknown):
        return on_host
    if isinstance(resolved, Unknown):
        return resolved
    directories = {}
    for source, target in resolved.items():
        containing = [mount for mount in on_host if f"{target}/".startswith(f"{mount.at.rstrip('/')}/")]
        if not containing:
            return Unknown(f"no file system of the host contains {source}")
        # reversed: of two mounts at one path, the later covers the earlier
        nearest = max(reversed(containing), key=lambda mount: len(mount.at))
        relative = target.removeprefix(nearest.at.rstrip("/"))
        path = nearest.root.rstrip("/") + relative or "/"
        directories[source] = _Directory(nearest.dev, path, nearest.at)
    return directories


def _evaluate_user(
    expectation: Expectation,
    spec: Mapping[str, str],
    user: _User,
    observed: tuple[tuple[MountPoint, ...], Mapping[str, _Directory]],
) -> Result:
    of_processes, directories = observed
    mounted = {mount.at: mount for mount in of_processes if mount.pid == user.pid}
    if missing := [path for path in user.paths if path not in mounted]:
        return expectation.unknown(f"no mount at {', '.join(missing)} is listed for its process {user.pid}")
    stale = [
        f"{path} is {mounted[path].root}"
        for path in user.paths
        if (mounted[path].dev, mounted[path].root) != (directories[spec[path]].dev, directories[spec[path]].path)
    ]
    if not stale:
        return expectation.ok(", ".join(f"{path} is {spec[path]}" for path in user.paths))
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
