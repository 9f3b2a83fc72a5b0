"""`iptables -w -S`."""

from __future__ import annotations

from olaudit.demo.commands.outcome import Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered

_BUILT_IN = ("INPUT", "FORWARD", "OUTPUT")


def iptables(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Print the filter table: policies, chains, and a rule that leads into each chain and out again."""
    if arguments != ("-w", "-S"):
        raise Unsupported
    policies = [f"-P {chain} ACCEPT" for chain in _BUILT_IN]
    chains = [chain for chain in machine.chains if chain not in _BUILT_IN]
    rules = [f"-A FORWARD -j {chain}" for chain in chains] + [f"-A {chain} -j RETURN" for chain in chains]
    return Answered("".join(f"{line}\n" for line in (*policies, *(f"-N {chain}" for chain in chains), *rules)))
