"""disk.free: file systems have enough free space and free inodes.

Each path has its own command, which may hang: a dead NFS mount then affects only its own answer.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import NonNegativeInt, field_validator

from olaudit.checker import Check, Checker
from olaudit.language import AbsolutePath, Presence, Section, Size, parse_size
from olaudit.model import Answer, Answers, Command, Expectation, Result, Severity, Unanswered

_COLUMNS = "--output=avail,itotal,iavail,target"
_HEADER = ["Avail", "Inodes", "IFree", "Mounted", "on"]

# The mount point comes last, because it may contain spaces. "-" means that the file system has no such count.
_ROW = re.compile(r" *(-?[0-9]{1,20}) +([0-9]{1,20}|-) +([0-9]{1,20}|-) (/.*)")
_ABSENT = ("No such file or directory", "Not a directory")


class DiskSpec(Section):
    """The space and inodes that must be free at one path, without those reserved for root.

    `required`: a file system must be mounted there. `optional`: it is evaluated only if one is mounted.
    """

    floor: Size = "2 GiB"
    inodes: NonNegativeInt = 50_000
    presence: Presence = Presence.REQUIRED
    severity: Severity | None = None

    @field_validator("presence")
    @classmethod
    def _required_or_optional(cls, presence: Presence) -> Presence:
        if presence is Presence.FORBIDDEN:
            msg = "a disk can be required or optional, not forbidden"
            raise ValueError(msg)
        return presence


@dataclass(frozen=True, slots=True)
class _FreeSpace:
    """The free bytes and inodes of the file system mounted at `target`. `inodes` is None where it has no limit."""

    free: int
    inodes: int | None
    target: str


def _space_probe(path: str) -> Command:
    # 1: the path does not exist or is not accessible
    return Command(("df", path, "-B1", _COLUMNS), may_hang=True, statuses=(0, 1))


def probes(spec: Mapping[str, DiskSpec]) -> tuple[Command, ...]:
    """List the probes, one per path."""
    return tuple(_space_probe(path) for path in spec)


def evaluate(spec: Mapping[str, DiskSpec], answers: Answers) -> Iterator[Result]:
    """Evaluate each path. A path without a mount is ok, unless a mount is required."""
    for path, disk in spec.items():
        at = ("disks", path)
        expected = f"{disk.floor} and {disk.inodes} inodes free"
        expectation = Expectation(
            check="disk.free", subject=path, at=at, expected=expected, severity=disk.severity
        )
        match _parse_space(answers[_space_probe(path)]):
            case Unanswered(reason):
                yield expectation.unknown(reason)
            case _FreeSpace() as space if path == "/" or not _is_inside(path, space.target):
                yield _evaluate_space(expectation, path, disk, space)
            case space:
                yield _unmounted(expectation, path, disk, f"lies on {space.target}" if space else "absent")


def _parse_space(answer: Answer) -> _FreeSpace | Unanswered | None:
    """Parse df's only row; None if the path does not exist."""
    if isinstance(answer, Unanswered):
        return answer
    lines = answer.stdout.split("\n")  # the header, one row, and nothing after the last line break
    row = _ROW.fullmatch(lines[1]) if len(lines) == 3 else None
    if row and lines[0].split() == _HEADER and not lines[2] and not answer.status:
        free, total, inodes, target = row.groups()
        # btrfs and network file systems count no inodes, and report 0 of 0
        return _FreeSpace(int(free), int(inodes) if total.strip("-0") and inodes != "-" else None, target)
    error = answer.stderr.strip()
    if answer.status and not answer.stdout and error.endswith(_ABSENT):
        return None
    return Unanswered(error[:200] or f"df's answer could not be parsed: {answer.stdout[:200]!r}")


def _is_inside(path: str, mount: str) -> bool:
    """Return whether `path` is a plain folder on `mount`; a link to a mount elsewhere counts as a mount."""
    return path != mount and path.startswith(mount.rstrip("/") + "/")


def _unmounted(expectation: Expectation, path: str, disk: DiskSpec, observed: str) -> Result:
    """Evaluate a path without a mount: files written there fill the disk that contains the path."""
    if disk.presence is Presence.REQUIRED:
        return expectation.drift(
            observed, f"nothing is mounted at {path} ({observed})", shlex.join(("mount", path))
        )
    return expectation.ok(observed, f"nothing is mounted at {path} ({observed}), so it is not evaluated")


def _evaluate_space(expectation: Expectation, path: str, disk: DiskSpec, space: _FreeSpace) -> Result:
    inodes = "" if space.inodes is None else f", {space.inodes} inodes"
    observed = f"{_format_size(space.free)}{inodes} free"
    target = shlex.quote(space.target)
    if space.free < parse_size(disk.floor):
        free = _format_size(space.free)
        message = f"{path} has {free} free, less than {disk.floor}: deploys fail there, and soon all other writes"
        return expectation.drift(observed, message, f"du -xk --max-depth=3 {target} | sort -n | tail -n 20")
    if space.inodes is not None and space.inodes < disk.inodes:
        message = f"{path} has {space.inodes} inodes free, fewer than {disk.inodes}: at 0, no file can be created"
        count = f"find {target} -xdev -printf '%h\\n' | sort | uniq -c | sort -n | tail -n 20"
        return expectation.drift(observed, message, count)
    return expectation.ok(observed)


def _format_size(size: int) -> str:
    for unit, shift in (("GiB", 30), ("MiB", 20)):
        if abs(size) >= 1 << shift:
            return f"{size / (1 << shift):.1f} {unit}"
    return f"{size} B"


CHECKER: Checker[Mapping[str, DiskSpec]] = Checker(
    section="disks",
    model=dict[AbsolutePath, DiskSpec],
    checks=(
        Check(
            "disk.free",
            # Critical: full disks are the most frequent cause of outages.
            Severity.CRITICAL,
            "fewer bytes or inodes are free than required, or a required mount is missing",
            "`du -xk --max-depth=3 PATH | sort -n | tail` shows the largest folders",
        ),
    ),
    collected="`df`, once per path",
    probes=probes,
    evaluate=evaluate,
)
