"""disk.free: the file systems that fill up have space and inodes left.

One command per path, each of which may hang: a dead NFS mount costs its own answer and nobody else's.
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
_HEAD = ["Avail", "Inodes", "IFree", "Mounted", "on"]

# The mount point comes last, for it may hold spaces; "-" stands for what a file system does not count.
_ROW = re.compile(r" *(-?[0-9]{1,20}) +([0-9]{1,20}|-) +([0-9]{1,20}|-) (/.*)")
_ABSENT = ("No such file or directory", "Not a directory")


class DiskSpec(Section):
    """What must be free at one path, for everybody (less what is reserved for root).

    `required`: a file system must be mounted there. `optional`: it is judged where one is.
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
class _Space:
    """What is left on the file system mounted at `target`. `inodes` is None where there is no limit to them."""

    free: int
    inodes: int | None
    target: str


def _look(path: str) -> Command:
    # 1: there is no such path, or it may not be seen
    return Command(("df", path, "-B1", _COLUMNS), may_hang=True, statuses=(0, 1))


def probes(spec: Mapping[str, DiskSpec]) -> tuple[Command, ...]:
    """Ask for each path on its own."""
    return tuple(_look(path) for path in spec)


def evaluate(spec: Mapping[str, DiskSpec], answers: Answers) -> Iterator[Result]:
    """Judge each path; one on which nothing is mounted is not judged, unless it must be."""
    for path, rule in spec.items():
        at = ("disks", path)
        expected = f"{rule.floor} and {rule.inodes} inodes free"
        expectation = Expectation(
            check="disk.free", subject=path, at=at, expected=expected, severity=rule.severity
        )
        match _space(answers[_look(path)]):
            case Unanswered(reason):
                yield expectation.unknown(reason)
            case _Space() as space if path == "/" or not _is_inside(path, space.target):
                yield _evaluate_space(expectation, path, rule, space)
            case space:
                yield _unmounted(expectation, path, rule, f"lies on {space.target}" if space else "absent")


def _space(answer: Answer) -> _Space | Unanswered | None:
    """Read df's one row; None where there is no such path."""
    if isinstance(answer, Unanswered):
        return answer
    lines = answer.stdout.split("\n")  # the head, one row, and nothing after the last line break
    row = _ROW.fullmatch(lines[1]) if len(lines) == 3 else None
    if row and lines[0].split() == _HEAD and not lines[2] and not answer.status:
        free, total, inodes, target = row.groups()
        # btrfs and network file systems count no inodes, and say 0 of 0
        return _Space(int(free), int(inodes) if total.strip("-0") and inodes != "-" else None, target)
    complaint = answer.stderr.strip()
    if answer.status and not answer.stdout and complaint.endswith(_ABSENT):
        return None
    return Unanswered(complaint[:200] or f"df's answer is not understood: {answer.stdout[:200]!r}")


def _is_inside(path: str, mount: str) -> bool:
    """Say whether `path` is a plain folder on `mount`; a link to a mount elsewhere counts as a mount."""
    return path != mount and path.startswith(mount.rstrip("/") + "/")


def _unmounted(expectation: Expectation, path: str, rule: DiskSpec, observed: str) -> Result:
    """Say that nothing is mounted at a path: what is written there then fills the disk below."""
    if rule.presence is Presence.REQUIRED:
        return expectation.drift(
            observed, f"nothing is mounted at {path} ({observed})", shlex.join(("mount", path))
        )
    return expectation.ok(observed, f"nothing is mounted at {path} ({observed}), so it is not judged")


def _evaluate_space(expectation: Expectation, path: str, rule: DiskSpec, space: _Space) -> Result:
    inodes = "" if space.inodes is None else f", {space.inodes} inodes"
    observed = f"{_size(space.free)}{inodes} free"
    target = shlex.quote(space.target)
    if space.free < parse_size(rule.floor):
        message = (
            f"{path} has {_size(space.free)} left, less than {rule.floor}: deploys fail there, and soon all else"
        )
        return expectation.drift(observed, message, f"du -xk --max-depth=3 {target} | sort -n | tail -n 20")
    if space.inodes is not None and space.inodes < rule.inodes:
        message = f"{path} can take {space.inodes} more files, less than {rule.inodes}, however much space is left"
        count = f"find {target} -xdev -printf '%h\\n' | sort | uniq -c | sort -n | tail -n 20"
        return expectation.drift(observed, message, count)
    return expectation.ok(observed)


def _size(size: int) -> str:
    for unit, shift in (("GiB", 30), ("MiB", 20)):
        if abs(size) >= 1 << shift:
            return f"{size / (1 << shift):.1f} {unit}"
    return f"{size} B"


CHECKER: Checker[Mapping[str, DiskSpec]] = Checker(
    section="disks",
    model=dict[AbsolutePath, DiskSpec],
    ids=(
        Check(
            "disk.free",
            # What has taken the site down most often.
            Severity.CRITICAL,
            "less than the floor is free, in bytes or in inodes, or nothing is mounted where something must be",
            "`du -xk --max-depth=3 PATH | sort -n | tail` shows what to remove",
        ),
    ),
    collected="`df`, once per path",
    probes=probes,
    evaluate=evaluate,
)
