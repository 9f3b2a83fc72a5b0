"""Who the clients are: the addresses that the auditor's resolver knows, and whether a record stands for one."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from olaudit.checks.postgres.hba import Network, Rule, within
from olaudit.model import Answer, Unanswered


class _Resolved(BaseModel):
    """The answer to a `Lookup`."""

    addresses: tuple[str, ...]
    names: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Client:
    """One host that needs the database. Its addresses are networks of one; a `reason` says why there are none."""

    name: str
    names: frozenset[str]
    addresses: tuple[Network, ...] = ()
    reason: str = ""

    def fits(self, rule: Rule) -> bool | None:
        """Say whether `rule` stands for this host, among others or not; None if that cannot be told."""
        origin = rule.origin
        if not isinstance(origin, str):
            if not origin.prefixlen:
                return True
            return None if self.reason else any(within(address, origin) for address in self.addresses)
        if origin == "<samenet>":
            return None
        if origin.startswith("<"):
            return origin == "<all>"
        if origin.startswith("."):
            return any(name.endswith(origin) for name in self.names)
        return origin in self.names


def client(name: str, answer: Answer) -> Client:
    """Understand what the resolver says of `name`. Its short name is its own as well."""
    own = frozenset({name.lower(), name.lower().partition(".")[0]})
    if isinstance(answer, Unanswered):
        return Client(name, own, reason=answer.reason)
    try:
        found = _Resolved.model_validate_json(answer.stdout, strict=True)
        addresses = tuple(map(ipaddress.ip_network, found.addresses))
        back = {name.lower() for names in found.names.values() for name in names}
    except ValueError:
        return Client(name, own, reason=f"the resolver's answer is not understood: {answer.stdout[:200]!r}")
    if not addresses:
        reason = f"the auditor's resolver does not know {name}: audit from within the fleet's network"
        return Client(name, own, reason=reason)
    return Client(name, own | back, addresses)


def admitted(one: Client, rules: Sequence[Rule]) -> Rule | bool | None:
    """Find the record that lets a client in; False if none does, None if that cannot be told.

    A record that rejects only some databases or users leaves the others to the records after it.
    """
    accepting = rejecting = False  # whether a record before this one may have done so
    for rule in rules:
        fits = one.fits(rule)
        if fits is False or not rule.ordinary or (rule.rejects and not rule.final):
            continue
        if fits is None:
            rejecting, accepting = rejecting or rule.rejects, accepting or not rule.rejects
        elif rule.rejects:
            return None if accepting else False
        else:
            return None if rejecting else rule
    return None if accepting else False
