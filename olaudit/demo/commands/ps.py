"""`ps -ww -p PIDS -C NAMES -o pid= -o comm= -o args=`."""

from __future__ import annotations

from olaudit.demo.commands.outcome import Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered

_COLUMNS = ("-o", "pid=", "-o", "comm=", "-o", "args=")


def ps(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """List the processes that have one of the ids, or one of the names."""
    match arguments:
        case ("-ww", "-p", pids, "-C", names, *columns) if tuple(columns) == _COLUMNS:
            pass
        case _:
            raise Unsupported
    found = [
        f"{one.pid:7d} {one.name:<15} {one.args}\n"
        for one in sorted(machine.processes, key=lambda one: one.pid)
        if str(one.pid) in pids.split(",") or one.name in names.split(",")
    ]
    return Answered("".join(found), status=0 if found else 1)
