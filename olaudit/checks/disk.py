"""disk.free: file systems have enough free space and free inodes."""

import shlex
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated

from pydantic import NonNegativeInt

from olaudit.checker import Checker
from olaudit.facts.disk import FreeSpace, free_space
from olaudit.language import AbsolutePath, Presence, Section, Size, not_forbidden, parse_size
from olaudit.model import Check, Expectation, Facts, Result, Severity


class DiskSpec(Section):
    """The space and inodes that must be free at one path, without those reserved for root.

    `required`: a file system must be mounted there. `optional`: it is evaluated only if one is mounted.
    """

    floor: Size = "2 GiB"
    inodes: NonNegativeInt = 50_000
    presence: Annotated[Presence, not_forbidden("a disk can be required or optional, not forbidden")] = (
        Presence.REQUIRED
    )
    severity: Severity | None = None


FREE = Check(
    "disk.free",
    # Critical: full disks are the most frequent cause of outages.
    Severity.CRITICAL,
    "fewer bytes or inodes are free than required, or a required mount is missing",
    "`du -xk --max-depth=3 PATH | sort -n | tail` shows the largest folders",
)


def evaluate(spec: Mapping[str, DiskSpec], facts: Facts) -> Iterator[Result]:
    """Evaluate each path."""
    for path, disk in spec.items():
        fact = free_space(path)
        expected = f"{disk.floor} and {disk.inodes} inodes free"
        expectation = FREE.expect(path, ("disks", path), expected, severity=disk.severity, based_on=(fact,))
        yield expectation.evaluate(facts[fact], partial(_evaluate_path, expectation, disk))


def _evaluate_path(expectation: Expectation, disk: DiskSpec, space: FreeSpace | None) -> Result:
    path = expectation.subject
    if space and (path == "/" or not _is_inside(path, space.target)):
        return _evaluate_space(expectation, path, disk, space)
    observed = f"lies on {space.target}" if space else "absent"
    unmounted = f"nothing is mounted at {path} ({observed})"
    if disk.presence is Presence.REQUIRED:  # files written there fill the disk that contains the path
        return expectation.drift(observed, unmounted, shlex.join(("mount", path)))
    return expectation.ok(observed, f"{unmounted}, so it is not evaluated")


def _is_inside(path: str, mount: str) -> bool:
    """Return whether `path` is a plain folder on `mount`; a link to a mount elsewhere counts as a mount."""
    return path != mount and path.startswith(mount.rstrip("/") + "/")


def _evaluate_space(expectation: Expectation, path: str, disk: DiskSpec, space: FreeSpace) -> Result:
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
    checks=(FREE,),
    collected="`df`, once per path",
    facts=lambda spec: map(free_space, spec),
    evaluate=evaluate,
)
