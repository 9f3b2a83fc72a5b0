"""Free space of file systems.

Each path has its own command, which may hang: a dead NFS mount then affects only its own answer.
"""

import re
from dataclasses import dataclass

from olaudit.facts.answers import is_absent, unparsable
from olaudit.model import Answered, Command, Fact, Unknown

_HEADER = ["Avail", "Inodes", "IFree", "Mounted", "on"]

# The mount point comes last, because it may contain spaces. "-" means that the file system has no such count.
_ROW = re.compile(r" *(-?[0-9]{1,20}) +([0-9]{1,20}|-) +([0-9]{1,20}|-) (/.*)")


@dataclass(frozen=True, slots=True)
class FreeSpace:
    """The free bytes and inodes of the file system mounted at `target`. `inodes` is None where it has no limit."""

    free: int
    inodes: int | None
    target: str


def free_space(path: str) -> Fact[FreeSpace | None]:
    """Build the fact of the file system that contains `path`; None if the path does not exist."""
    # 1: the path does not exist or is not accessible
    probe = Command(("df", path, "-B1", "--output=avail,itotal,iavail,target"), may_hang=True, statuses=(0, 1))
    return Fact("disk.free", probe, _parse)


def _parse(answer: Answered) -> FreeSpace | Unknown | None:
    lines = answer.stdout.split("\n")  # the header, one row, and nothing after the last line break
    row = _ROW.fullmatch(lines[1]) if len(lines) == 3 else None
    if row and lines[0].split() == _HEADER and not lines[2] and not answer.status:
        free, total, inodes, target = row.groups()
        # btrfs and network file systems count no inodes, and report 0 of 0
        return FreeSpace(int(free), int(inodes) if total.strip("-0") and inodes != "-" else None, target)
    if answer.status and not answer.stdout and is_absent(answer.stderr):
        return None
    error = answer.stderr.strip()
    return Unknown(error[:200]) if error else unparsable("df", answer)
