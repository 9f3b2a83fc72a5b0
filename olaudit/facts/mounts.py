"""Mounts of a host and of the processes in its containers, and the directories that paths lead to."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from olaudit.model import Answered, Command, Fact, Unknown

_MOUNTINFO_LINE = re.compile(
    r"(?:/proc/(?P<pid>[0-9]{1,9})/mountinfo:)?[0-9]+ [0-9]+ (?P<dev>[0-9]+:[0-9]+) (?P<root>\S+) (?P<at>/\S*) .*"
)


@dataclass(frozen=True, slots=True)
class MountPoint:
    """A mount: the directory `root` of the file system `dev`, mounted at `at` for the process `pid`."""

    pid: str
    dev: str
    root: str
    at: str


def of_processes(paths: Collection[str]) -> Fact[tuple[MountPoint, ...]]:
    """Build the fact of all processes' mounts at `paths`, as in containers. `about` takes the id of a process."""
    patterns = (argument for path in sorted(paths) for argument in ("-e", f" {path} "))
    grep = ("-exec", "/bin/grep", "-H", "-F", *patterns, "{}", "+")
    find = ("find", "/proc/", "-mindepth", "2", "-maxdepth", "2", "-name", "mountinfo", *grep)
    # 1: some processes ended during the search, or have none of these mounts
    return Fact("mounts.processes", Command(find, may_hang=True, sudo=True, statuses=(0, 1)), _parse, _reduce)


def resolved(paths: Collection[str]) -> Fact[Mapping[str, str]]:
    """Build the fact of the directories on the host that `paths` lead to, by path, with all links resolved."""
    sources = sorted(set(paths))

    def parse(answer: Answered) -> Mapping[str, str] | Unknown:
        *targets, remainder = answer.stdout.split("\n")
        if remainder or len(sources) != len(targets) or not all(target.startswith("/") for target in targets):
            return Unknown(f"readlink's answer could not be parsed: {answer.stderr[:200]!r}")
        return dict(zip(sources, targets, strict=True))

    return Fact("mounts.resolved", Command(("readlink", "-m", "--", *sources), may_hang=True), parse)


def _parse(answer: Answered) -> tuple[MountPoint, ...] | Unknown:
    *lines, remainder = answer.stdout.split("\n")
    mounts = [mount for line in lines if (mount := _mount_point(line))]
    if remainder or len(mounts) != len(lines):
        return Unknown(f"the list of mounts could not be parsed: {answer.stdout[:200]!r}")
    return tuple(mounts)


def _mount_point(line: str) -> MountPoint | None:
    match = _MOUNTINFO_LINE.fullmatch(line)
    return match and MountPoint(match["pid"] or "", match["dev"], _unescape(match["root"]), _unescape(match["at"]))


def _unescape(path: str) -> str:
    """Decode the kernel's escapes: a space is written as its octal code."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def _reduce(answer: Answered, keys: frozenset[str]) -> Answered:
    """Keep the mounts of the processes, or at the paths, that the keys name."""
    lines = answer.stdout.split("\n")
    mounts = [(line, _mount_point(line)) for line in lines]
    kept = [line for line, mount in mounts if mount is None or not keys or {mount.pid, mount.at} & keys]
    return replace(answer, stdout="\n".join(kept))


ON_HOST: Fact[tuple[MountPoint, ...]] = Fact(
    "mounts.host", Command(("cat", "/proc/self/mountinfo")), _parse, _reduce
)
"""The mounts of the host. `about` takes the paths at which file systems are mounted."""
