"""`uname -n` and `date -u +%s`."""

from __future__ import annotations

import time

from olaudit.demo.commands.outcome import Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered


def uname(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Say what the machine calls itself."""
    if arguments != ("-n",):
        raise Unsupported
    return Answered(f"{machine.hostname}\n")


def date(_machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Say what time it is, in seconds since 1970: the clocks of simulated machines are right."""
    if arguments != ("-u", "+%s"):
        raise Unsupported
    return Answered(f"{time.time():.0f}\n")
