"""The script that reads the state of services; all simulated machines run systemd."""

from __future__ import annotations

from olaudit.demo.machine import Machine
from olaudit.model import Answered

_RUNS = """\
RequiredBy=
WantedBy=multi-user.target
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
shown=0
"""
_ABSENT = """\
RequiredBy=
WantedBy=
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
shown=0
"""


def services(machine: Machine, names: tuple[str, ...]) -> Answered:
    """Print the properties that `systemctl show` prints for each service."""
    blocks = (f"\nservice={name}\n{_RUNS if name in machine.services else _ABSENT}" for name in names)
    return Answered("".join(("init=systemd\n", *blocks, "\nend\n")))
