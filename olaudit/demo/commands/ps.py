"""`ps -ww -p PIDS -C NAMES -o pid= [-o ppid=] -o comm= -o args=`."""

from __future__ import annotations

from olaudit.demo.commands.output import Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered

_COLUMNS = ("-o", "pid=", "-o", "comm=", "-o", "args=")
_WITH_PARENT = ("-o", "pid=", "-o", "ppid=", "-o", "comm=", "-o", "args=")


def ps(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """List the processes with one of the ids or names. All are children of process 1."""
    match arguments:
        case ("-ww", "-p", pids, "-C", names, *columns) if tuple(columns) in (_COLUMNS, _WITH_PARENT):
            parent = tuple(columns) == _WITH_PARENT
        case _:
            raise Unsupported
    lines = [
        f"{process.pid:7d} {f'{int(process.pid != 1):7d} ' * parent}{process.name:<15} {process.args}\n"
        for process in sorted(machine.processes, key=lambda process: process.pid)
        if str(process.pid) in pids.split(",") or process.name in names.split(",")
    ]
    return Answered("".join(lines), status=0 if lines else 1)
