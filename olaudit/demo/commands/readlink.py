"""`readlink -m -- FILE...`."""

from __future__ import annotations

from olaudit.demo.commands.output import Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered


def readlink(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Resolve paths; they need not exist."""
    if arguments[:2] != ("-m", "--"):
        raise Unsupported
    return Answered("".join(f"{machine.files.canonicalize(path)}\n" for path in arguments[2:]))
