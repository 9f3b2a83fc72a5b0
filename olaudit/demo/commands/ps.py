"""`ps -ww -p PIDS -C NAMES -o pid= [-o ppid=] -o comm= -o args=`."""

from __future__ import annotations

from olaudit.demo.commands.output import Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered

_COLUMNS = ("-o", "pid=", "-o", "comm=", "-o", "args=")
_WITH_PARENT = ("-o", "pid=", "-o", "ppid=", "-o", "comm=", "-o", "args=")


def ps(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """List the processes that have one of the ids, or one of the names. All are children of process 1."""
    match arguments:
        case ("-ww", "-p", pids, "-C", names, *columns) if tuple(columns) in (_COLUMNS, _WITH_PARENT):
            parent = tuple(columns) == _WITH_PARENT
        case _:
            raise Unsupported
    found = [
        f"{one.pid:7d} {f'{int(one.pid != 1):7d} ' * parent}{one.name:<15} {one.args}\n"
        for one in sorted(machine.processes, key=lambda one: one.pid)
        if str(one.pid) in pids.split(",") or one.name in names.split(",")
    ]
    return Answered("".join(found), status=0 if found else 1)
