"""Mounts of a host and of the processes in its containers."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from olaudit.facts.answers import match_lines
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


def _parse(answer: Answered) -> tuple[MountPoint, ...] | Unknown:
    lines = match_lines(_MOUNTINFO_LINE, answer.stdout)
    if lines is None:
        return Unknown(f"the list of mounts could not be parsed: {answer.stdout[:200]!r}")
    return tuple(map(_mount_point, lines))


def _mount_point(match: re.Match[str]) -> MountPoint:
    return MountPoint(match["pid"] or "", match["dev"], _unescape(match["root"]), _unescape(match["at"]))


def _unescape(path: str) -> str:
    """Decode the kernel's escapes: a space is written as its octal code."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def _reduce(answer: Answered, keys: frozenset[str]) -> Answered:
    """Keep the mounts of the processes, or at the paths, that the keys name."""

    def is_selected(line: str) -> bool:
        match = _MOUNTINFO_LINE.fullmatch(line)
        return not match or not keys or bool(keys & {match["pid"], _unescape(match["at"])})

    return replace(answer, stdout="\n".join(filter(is_selected, answer.stdout.split("\n"))))


ON_HOST: Fact[tuple[MountPoint, ...]] = Fact(
    "mounts.host", Command(("cat", "/proc/self/mountinfo")), _parse, _reduce
)
"""The mounts of the host. `about` takes the paths at which file systems are mounted."""
