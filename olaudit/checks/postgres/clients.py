"""Clients of the database: the addresses that the auditor's resolver knows, and the records that match them."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from olaudit.checks.postgres.hba import HbaRule, Network, is_within
from olaudit.model import Answer, Unanswered


class _ClientLookup(BaseModel):
    """The answer to a `Lookup`."""

    addresses: tuple[str, ...]
    names: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class DatabaseClient:
    """A host that needs the database. Each address is a network of one address; `reason` is why there are none."""

    name: str
    names: frozenset[str]
    addresses: tuple[Network, ...] = ()
    reason: str = ""

    def matches(self, rule: HbaRule) -> bool | None:
        """Return whether `rule` applies to this host, alone or among others; None if that cannot be determined."""
        origin = rule.origin
        if not isinstance(origin, str):
            if not origin.prefixlen:
                return True
            return None if self.reason else any(is_within(address, origin) for address in self.addresses)
        if origin == "<samenet>":
            return None
        if origin.startswith("<"):
            return origin == "<all>"
        if origin.startswith("."):
            return any(name.endswith(origin) for name in self.names)
        return origin in self.names


def parse_client(name: str, answer: Answer) -> DatabaseClient:
    """Parse the resolver's answer for `name`. The names of the client include its short name."""
    own_names = frozenset({name.lower(), name.lower().partition(".")[0]})
    if isinstance(answer, Unanswered):
        return DatabaseClient(name, own_names, reason=answer.reason)
    try:
        parsed = _ClientLookup.model_validate_json(answer.stdout, strict=True)
        addresses = tuple(map(ipaddress.ip_network, parsed.addresses))
        reverse_names = {name.lower() for names in parsed.names.values() for name in names}
    except ValueError:
        reason = f"cannot parse the resolver's answer: {answer.stdout[:200]!r}"
        return DatabaseClient(name, own_names, reason=reason)
    if not addresses:
        reason = f"the auditor's resolver does not know {name}: audit from within the fleet's network"
        return DatabaseClient(name, own_names, reason=reason)
    return DatabaseClient(name, own_names | reverse_names, addresses)


def find_admitting_rule(client: DatabaseClient, rules: Sequence[HbaRule]) -> HbaRule | bool | None:
    """Return the record that admits a client; False if none does, None if that cannot be determined.

    A record that rejects only some databases or users leaves the others to the later records.
    """
    may_accept = may_reject = False  # whether an earlier record may match the client
    for rule in rules:
        matches = client.matches(rule)
        if matches is False or not rule.ordinary or (rule.rejects and not rule.final):
            continue
        if matches is None:
            may_reject, may_accept = may_reject or rule.rejects, may_accept or not rule.rejects
        elif rule.rejects:
            return None if may_accept else False
        else:
            return None if may_reject else rule
    return None if may_accept else False
