"""`df PATH -B1 --output=avail,itotal,iavail,target`."""

from __future__ import annotations

from olaudit.demo.commands.output import Outcome, Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered

_HEADS = ("Avail", "Inodes", "IFree", "Mounted on")


def df(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Tell what is left on the file system that a path lies on."""
    match arguments:
        case (path, "-B1", "--output=avail,itotal,iavail,target"):
            pass
        case _:
            raise Unsupported
    said = Outcome()
    try:
        real = machine.files.resolve(path)
    except OSError as error:
        said.complain(f"df: {path}", error)
        return said.answer()
    mount = max((one for one in machine.disks if f"{real}/".startswith(f"{one.rstrip('/')}/")), key=len)
    disk = machine.disks[mount]
    row = (str(disk.free), str(disk.inodes), str(disk.free_inodes), mount)
    for cells in (_HEADS, row):
        columns = (
            cell.rjust(max(len(head), len(one))) for cell, head, one in zip(cells, _HEADS, row, strict=True)
        )
        said.out.append(" ".join((*list(columns)[:-1], cells[-1])) + "\n")
    return said.answer()
