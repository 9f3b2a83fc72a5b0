"""IP addresses: those of a name on the auditor's resolver, and the one at which a host was audited."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from olaudit.model import Answered, ConnectionProbe, Fact, Lookup, Unknown

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAX_EXCERPT = 200  # characters of an answer in a reason


@dataclass(frozen=True, slots=True)
class Resolution:
    """Addresses of a name, and the names of each address. No addresses: the resolver does not know the name."""

    addresses: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]

    def networks(self) -> tuple[Network, ...] | Unknown:
        """Return each address as a network of one address."""
        try:
            return tuple(map(ipaddress.ip_network, self.addresses))
        except ValueError:
            return _unparsable(", ".join(self.addresses))


_RESOLUTION = TypeAdapter(Resolution)


def resolution(name: str) -> Fact[Resolution]:
    """Build the fact of the addresses that the auditor's resolver knows for `name`."""
    return Fact("addresses.resolution", Lookup(name), _parse_resolution)


def known_to_resolver(name: str, resolved: Resolution | Unknown) -> Resolution | Unknown:
    """Return the resolution of `name`, a name in use: a resolver that does not know it gives `Unknown`.

    Outside the fleet's network, a resolver may not know any name of the fleet.
    """
    if isinstance(resolved, Unknown) or resolved.addresses:
        return resolved
    return Unknown(f"the auditor's resolver does not know {name}: audit from within the fleet's network")


def normalize(text: str) -> str:
    """Return an address in its usual spelling, an IPv4-mapped address as IPv4; empty if it is not an address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _parse_resolution(answer: Answered) -> Resolution | Unknown:
    try:
        return _RESOLUTION.validate_json(answer.stdout, strict=True)
    except ValidationError:
        return _unparsable(answer.stdout)


def _unparsable(text: str) -> Unknown:
    return Unknown(f"cannot parse the resolver's answer: {text[:_MAX_EXCERPT]!r}")


def _parse_audited(answer: Answered) -> str | Unknown:
    return normalize(answer.stdout) or Unknown("it is not an IP address")


AUDITED: Fact[str] = Fact("addresses.audited", ConnectionProbe.ADDRESS, _parse_audited)
"""The address at which the host was audited, normalized. It is not known behind a jump host."""
