"""`iptables-save`."""

from __future__ import annotations

from olaudit.demo.commands.output import Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered

_BUILT_IN = ("INPUT", "FORWARD", "OUTPUT")


def iptables_save(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Print the filter table: policies, chains, a jump into each chain, and a return from it."""
    if arguments:
        raise Unsupported
    policies = [f":{chain} ACCEPT [0:0]" for chain in _BUILT_IN]
    chains = [chain for chain in machine.chains if chain not in _BUILT_IN]
    rules = [f"-A FORWARD -j {chain}" for chain in chains] + [f"-A {chain} -j RETURN" for chain in chains]
    lines = ("*filter", *policies, *(f":{chain} - [0:0]" for chain in chains), *rules, "COMMIT")
    return Answered("".join(f"{line}\n" for line in lines))
