"""`uname -n`, `date -u +%s` and `date -u +%s.%N`."""

from __future__ import annotations

import time

from olaudit.demo.commands.output import Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered


def uname(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Print the host name."""
    if arguments != ("-n",):
        raise Unsupported
    return Answered(f"{machine.hostname}\n")


def date(_machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Print the time in seconds since 1970: the clocks of simulated machines are correct."""
    match arguments:
        case ("-u", "+%s"):
            return Answered(f"{time.time():.0f}\n")
        case ("-u", "+%s.%N"):
            return Answered(f"{time.time():.9f}\n")
        case _:
            raise Unsupported
