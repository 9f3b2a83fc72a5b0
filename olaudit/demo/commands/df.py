"""`df PATH -B1 --output=avail,itotal,iavail,target`."""

from __future__ import annotations

from olaudit.demo.commands.output import ProgramOutput, Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered

_HEADERS = ("Avail", "Inodes", "IFree", "Mounted on")


def df(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Print the free space and inodes of the file system that holds a path."""
    match arguments:
        case (path, "-B1", "--output=avail,itotal,iavail,target"):
            pass
        case _:
            raise Unsupported
    output = ProgramOutput()
    try:
        real = machine.files.resolve(path)
    except OSError as error:
        output.add_error(f"df: {path}", error)
        return output.to_answered()
    mount = max((path for path in machine.disks if f"{real}/".startswith(f"{path.rstrip('/')}/")), key=len)
    disk = machine.disks[mount]
    row = (str(disk.free), str(disk.inodes), str(disk.free_inodes), mount)
    for cells in (_HEADERS, row):
        columns = (
            cell.rjust(max(len(header), len(value)))
            for cell, header, value in zip(cells, _HEADERS, row, strict=True)
        )
        output.out.append(" ".join((*list(columns)[:-1], cells[-1])) + "\n")
    return output.to_answered()
