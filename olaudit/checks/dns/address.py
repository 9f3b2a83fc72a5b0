"""dns.address: the host's name resolves to its address, and the address resolves back to the name.

The auditor's resolver is asked. Outside the fleet's network it may not know any name of the fleet, so a name that
does not resolve is unknown, not drift.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator

from olaudit.checker import Checker
from olaudit.checks.dns.lookup import LookupName, Resolution, parse_lookup
from olaudit.language import Section
from olaudit.model import (
    Answer,
    Answers,
    Check,
    ConnectionProbe,
    Expectation,
    Lookup,
    Probe,
    Result,
    Severity,
    Unanswered,
)

_AUDITED = "audited"


def _check_address(text: str) -> str:
    if text != _AUDITED and (not text or _normalize(text) != text):
        msg = f'{text!r} is neither an IP address in its usual spelling nor "{_AUDITED}"'
        raise ValueError(msg)
    return text


def _normalize(text: str) -> str:
    """Return an address in its usual spelling, an IPv4-mapped address as IPv4; empty if it is not an address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


class DnsSpec(Section):
    """Expected resolution of `name`: an IP address, or the address at which the host was audited (`audited`).

    The audited address is not known behind a jump host; the result is unknown then. `reverse`: whether the address
    must resolve back to `name`.
    """

    name: LookupName
    address: Annotated[str, AfterValidator(_check_address)] = _AUDITED
    reverse: bool = True


def probes(spec: DnsSpec) -> tuple[Probe, ...]:
    """Return the lookup of the name and, if that is expected, the probe for the audited address."""
    return (Lookup(spec.name), ConnectionProbe.ADDRESS) if spec.address == _AUDITED else (Lookup(spec.name),)


def evaluate(spec: DnsSpec, answers: Answers) -> Iterator[Result]:
    """Evaluate the forward lookup, then the reverse lookup."""
    resolution = parse_lookup(answers[Lookup(spec.name)])
    expected = _expected_address(spec, answers[ConnectionProbe.ADDRESS])
    expected_text = ("" if isinstance(expected, Unanswered) else expected) or "the audited address"
    forward = Expectation(check="dns.address", subject=spec.name, at=("dns", "address"), expected=expected_text)
    # A warning: only logs and access rules by name use the reverse lookup.
    reverse = Expectation(
        check="dns.address",
        subject=f"{spec.name} (reverse)",
        at=("dns", "reverse"),
        expected=spec.name,
        severity=Severity.WARNING,
    )
    reason = _unknown_reason(spec, resolution, expected)
    if isinstance(resolution, Unanswered) or isinstance(expected, Unanswered) or reason:
        yield forward.unknown(reason)
        if spec.reverse:
            yield reverse.unknown(reason)
        return
    yield _evaluate_forward(forward, resolution, expected)
    # If the name resolves to another address, that is the one cause: there is no reverse result then
    if spec.reverse and expected in map(_normalize, resolution.addresses):
        yield _evaluate_reverse(reverse, resolution, expected)


def _expected_address(spec: DnsSpec, audited: Answer) -> str | Unanswered:
    if spec.address != _AUDITED:
        return spec.address
    if isinstance(audited, Unanswered):
        return Unanswered(f"the address at which the host was audited is not known: {audited.reason}")
    return _normalize(audited.stdout) or Unanswered(
        "the address at which the host was audited is not an IP address"
    )


def _unknown_reason(spec: DnsSpec, resolution: Resolution | Unanswered, expected: str | Unanswered) -> str:
    """Return why the lookups cannot be evaluated; empty if they can."""
    if isinstance(resolution, Unanswered):
        return resolution.reason
    if not resolution.addresses:
        return f"the auditor's resolver does not know {spec.name}: audit from within the fleet's network"
    return expected.reason if isinstance(expected, Unanswered) else ""


def _evaluate_forward(expectation: Expectation, resolution: Resolution, expected: str) -> Result:
    """Evaluate all addresses of the expected address family: with a second address, some clients connect to it."""
    addresses = [_normalize(text) for text in resolution.addresses]
    family = [address for address in addresses if (":" in address) == (":" in expected)]
    observed = ", ".join(address or "an invalid address" for address in addresses)
    if set(family) == {expected}:
        return expectation.ok(observed)
    also = " as well" if expected in family else f", not to {expected}"
    wrong = ", ".join(address or "an invalid address" for address in (family or addresses) if address != expected)
    return expectation.drift(observed, f"{expectation.subject} resolves to {wrong}{also}: fix its DNS record")


def _evaluate_reverse(expectation: Expectation, resolution: Resolution, expected: str) -> Result:
    names = [
        name.rstrip(".")
        for address, reverse_names in resolution.names.items()
        if _normalize(address) == expected
        for name in reverse_names
    ]
    if expectation.expected.lower() in (name.lower() for name in names):
        return expectation.ok(", ".join(names))
    if names:
        observed = ", ".join(names)
        message = f"{expected} resolves back to {observed}, not to {expectation.expected}: fix its PTR record"
        return expectation.drift(observed, message)
    return expectation.drift("no name", f"{expected} does not resolve back to a name: add its PTR record")


CHECKER = Checker(
    section="dns",
    model=DnsSpec,
    checks=(
        Check(
            "dns.address",
            # The services of the fleet find each other by these names.
            Severity.CRITICAL,
            "the name resolves to another address, or (a warning) the address to another name or to none",
            "correct the DNS records of the name and of its address",
        ),
    ),
    collected="the resolver of the machine that runs the audit, and the address at which the host was reached",
    facts=probes,
    evaluate=evaluate,
)
