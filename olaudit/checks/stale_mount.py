"""container.stale-mount: the directory mounted in a container is still the one at its path on the host.

A deploy moves directories while containers run. A bind mount stays with its original directory, which may have
moved, while the host's path is a new directory. The container then continues to serve the old one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from olaudit.checker import Checker
from olaudit.language import AbsolutePath
from olaudit.model import (
    Answer,
    Answers,
    Check,
    Command,
    EngineQuery,
    Expectation,
    Probe,
    Result,
    Severity,
    Unanswered,
)

LiveMounts = dict[AbsolutePath, AbsolutePath]
"""The section: paths inside containers, mapped to the host paths that they should be."""

HOST_MOUNTS = Command(("cat", "/proc/self/mountinfo"))

_MOUNTINFO_LINE = re.compile(
    r"(?:/proc/(?P<pid>[0-9]{1,9})/mountinfo:)?[0-9]+ [0-9]+ (?P<dev>[0-9]+:[0-9]+) (?P<root>\S+) (?P<at>/\S*) .*"
)


@dataclass(frozen=True, slots=True)
class _MountinfoEntry:
    """A mount: the directory `root` of the file system `dev`, mounted at `at` for the process `pid`."""

    pid: str
    dev: str
    root: str
    at: str


def _process_mounts_probe(spec: Mapping[str, str]) -> Command:
    """Return the probe of all processes' mounts at the paths. Those of containers' first processes are used."""
    patterns = (argument for path in sorted(spec) for argument in ("-e", f" {path} "))
    grep = ("-exec", "/bin/grep", "-H", "-F", *patterns, "{}", "+")
    find = ("find", "/proc/", "-mindepth", "2", "-maxdepth", "2", "-name", "mountinfo", *grep)
    # 1: some processes ended during the search, or have none of these mounts
    return Command(find, may_hang=True, sudo=True, statuses=(0, 1))


def _resolve_probe(spec: Mapping[str, str]) -> Command:
    return Command(("readlink", "-m", "--", *sorted(set(spec.values()))), may_hang=True)


def probes(spec: Mapping[str, str]) -> tuple[Probe, ...]:
    """List the probes: the containers, their mounts, and the directories at these paths on the host."""
    if not spec:
        return ()
    return (EngineQuery.CONTAINERS, _process_mounts_probe(spec), _resolve_probe(spec), HOST_MOUNTS)


def evaluate(spec: Mapping[str, str], answers: Answers) -> Iterator[Result]:
    """Evaluate each running container that mounts one of the paths. Total."""
    containers = _containers(answers[EngineQuery.CONTAINERS], spec)
    if isinstance(containers, Unanswered):
        yield _expectation("container").unknown(containers.reason)
        return
    mounts = _parse_mounts(answers[_process_mounts_probe(spec)])
    directories = _host_directories(spec, answers[_resolve_probe(spec)], answers[HOST_MOUNTS])
    for name, pid, paths in containers:
        yield _evaluate(_expectation(name), {path: spec[path] for path in paths}, pid, mounts, directories)


def _expectation(subject: str) -> Expectation:
    expected = "its mounts are the current directories at their host paths"
    return Expectation(check="container.stale-mount", subject=subject, at=("live_mounts",), expected=expected)


def _evaluate(
    expectation: Expectation,
    paths: Mapping[str, str],
    pid: str,
    mounts: tuple[_MountinfoEntry, ...] | Unanswered,
    directories: Mapping[str, tuple[str, str]] | Unanswered,
) -> Result:
    if isinstance(mounts, Unanswered):
        return expectation.unknown(mounts.reason)
    if isinstance(directories, Unanswered):
        return expectation.unknown(directories.reason)
    mounted = {mount.at: (mount.dev, mount.root) for mount in mounts if mount.pid == pid}
    if missing := sorted(paths.keys() - mounted.keys()):
        return expectation.unknown(f"no mount at {', '.join(missing)} is listed for its process {pid}")
    stale = [
        f"{path} is {mounted[path][1]}"
        for path, source in sorted(paths.items())
        if mounted[path] != directories[source]
    ]
    if not stale:
        return expectation.ok(", ".join(f"{path} is {source}" for path, source in sorted(paths.items())))
    message = "its mount is a directory that was moved or replaced on the host: recreate the container"
    return expectation.drift("; ".join(stale), message)


def _containers(answer: Answer, spec: Mapping[str, str]) -> list[tuple[str, str, list[str]]] | Unanswered:
    """List running containers that mount any of the paths: name, first process, mounted paths. Total."""
    if isinstance(answer, Unanswered):
        return answer
    try:
        entries, containers = json.loads(answer.stdout), []
        if not isinstance(entries, list):
            raise TypeError  # noqa: TRY301 - handled like the errors of the lines below
        for entry in entries:
            if "Unreadable" in entry:
                return Unanswered(f"a container could not be inspected: {entry['Unreadable']}"[:500])
            if entry["State"]["Running"]:
                # another source is another volume, which container.mounts checks
                paths = [
                    mount["Destination"]
                    for mount in entry["Mounts"]
                    if spec.get(mount["Destination"]) == mount["Source"]
                ]
                if paths:
                    name = str(entry["Name"]).removeprefix("/").encode("utf-8", "backslashreplace").decode()
                    containers.append((name, str(int(entry["State"]["Pid"])), paths))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Unanswered("the Docker Engine's answer about mounts could not be parsed")
    return sorted(containers)


def _parse_mounts(answer: Answer) -> tuple[_MountinfoEntry, ...] | Unanswered:
    if isinstance(answer, Unanswered):
        return answer
    *lines, remainder = answer.stdout.split("\n")
    matches = [match for line in lines if (match := _MOUNTINFO_LINE.fullmatch(line))]
    if remainder or len(matches) != len(lines):
        return Unanswered(f"the list of mounts could not be parsed: {answer.stdout[:200]!r}")
    return tuple(
        _MountinfoEntry(match["pid"] or "", match["dev"], _unescape(match["root"]), _unescape(match["at"]))
        for match in matches
    )


def _unescape(path: str) -> str:
    """Decode the kernel's escapes: a space is written as its octal code."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def _host_directories(
    spec: Mapping[str, str], resolved: Answer, mounts: Answer
) -> dict[str, tuple[str, str]] | Unanswered:
    """Map each source to its current file system and directory there."""
    host_mounts = _parse_mounts(mounts)
    if isinstance(host_mounts, Unanswered):
        return host_mounts
    if isinstance(resolved, Unanswered):
        return resolved
    sources, (*targets, remainder) = sorted(set(spec.values())), resolved.stdout.split("\n")
    if remainder or len(sources) != len(targets) or not all(target.startswith("/") for target in targets):
        return Unanswered(f"readlink's answer could not be parsed: {resolved.stderr[:200]!r}")
    directories = {}
    for source, target in zip(sources, targets, strict=True):
        containing = [mount for mount in host_mounts if f"{target}/".startswith(f"{mount.at.rstrip('/')}/")]
        if not containing:
            return Unanswered(f"no file system of the host contains {source}")
        # reversed: of two mounts at one path, the later covers the earlier
        nearest = max(reversed(containing), key=lambda mount: len(mount.at))
        relative = target.removeprefix(nearest.at.rstrip("/"))
        directories[source] = (nearest.dev, nearest.root.rstrip("/") + relative or "/")
    return directories


CHECKER: Checker[Mapping[str, str]] = Checker(
    section="live_mounts",
    model=LiveMounts,
    checks=(
        Check(
            "container.stale-mount",
            Severity.CRITICAL,
            "a bind mount is no longer the directory at its path on the host",
            "`docker compose up -d --no-deps --force-recreate SERVICE`",
        ),
    ),
    collected="/proc/PID/mountinfo of the containers' first processes (sudo) and of the host",
    facts=probes,
    evaluate=evaluate,
)
