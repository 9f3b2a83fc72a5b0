"""Programs of a simulated machine: one small function per program, and the explicit map of them.

A program without a function ends with status 127, as on a host that lacks it. Checks that need it are unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from olaudit.demo.commands.cmp import cmp
from olaudit.demo.commands.df import df
from olaudit.demo.commands.dpkg import dpkg_query
from olaudit.demo.commands.find import find
from olaudit.demo.commands.grep import grep
from olaudit.demo.commands.head import head
from olaudit.demo.commands.iptables import iptables_save
from olaudit.demo.commands.kernel import date, uname
from olaudit.demo.commands.memcached import bash
from olaudit.demo.commands.output import Unsupported
from olaudit.demo.commands.ps import ps
from olaudit.demo.commands.readlink import readlink
from olaudit.demo.commands.sh import sh
from olaudit.demo.commands.stat import stat
from olaudit.demo.machine import Machine
from olaudit.model import Answered

Program = Callable[[Machine, tuple[str, ...]], Answered]

PROGRAMS: Mapping[str, Program] = MappingProxyType(
    {
        "bash": bash,
        "cmp": cmp,
        "date": date,
        "df": df,
        "dpkg-query": dpkg_query,
        "find": find,
        "grep": grep,
        "head": head,
        "iptables-save": iptables_save,
        "ps": ps,
        "readlink": readlink,
        "sh": sh,
        "stat": stat,
        "uname": uname,
    }
)


def run(machine: Machine, argv: tuple[str, ...]) -> Answered:
    """Run a command. Unsupported arguments give the same answer as a missing program."""
    name = argv[0] if argv else ""
    try:
        return PROGRAMS[name](machine, argv[1:])
    except (KeyError, Unsupported):
        message = f"timeout: failed to run command '{name}': No such file or directory"
        return Answered("", message, 127)
