"""dns.address: the host's name resolves to its address, and the address back to the name.

It is the auditor's resolver that is asked. One outside of the fleet's network may not know the fleet's names at
all, so that a name does not resolve is no drift: nobody can tell from there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator

from olaudit.checker import Check, Checker
from olaudit.checks.dns.resolved import Name, Resolved, resolved
from olaudit.language import Section
from olaudit.model import (
    Answer,
    Answers,
    ConnectionProbe,
    Expectation,
    Lookup,
    Probe,
    Result,
    Severity,
    Unanswered,
)

_AUDITED = "audited"


def _address(text: str) -> str:
    if text != _AUDITED and _normal(text) != text:
        msg = f'{text!r} is not an IP address in its usual spelling, nor "{_AUDITED}"'
        raise ValueError(msg)
    return text


def _normal(text: str) -> str:
    """Write an address in the one usual way; an IPv4 address that came in over IPv6 as itself."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


class DnsSpec(Section):
    """What `name` should resolve to: an IP address, or the one at which the host was audited.

    The latter is not known behind a jump host, and then unknown. `reverse`: whether that address must resolve
    back to `name`.
    """

    name: Name
    address: Annotated[str, AfterValidator(_address)] = _AUDITED
    reverse: bool = True


def probes(spec: DnsSpec) -> tuple[Probe, ...]:
    """Ask for the name, and for the address of the host if that is what it should resolve to."""
    return (Lookup(spec.name), ConnectionProbe.ADDRESS) if spec.address == _AUDITED else (Lookup(spec.name),)


def evaluate(spec: DnsSpec, answers: Answers) -> Iterator[Result]:
    """Judge the way there, and then the way back."""
    found = resolved(answers[Lookup(spec.name)])
    expected = _expected(spec, answers[ConnectionProbe.ADDRESS])
    known = "" if isinstance(expected, Unanswered) else expected
    forward = Expectation(
        check="dns.address", subject=spec.name, at=("dns", "address"), expected=known or "the audited address"
    )
    # Not critical: nothing but logs, and what is admitted by name, goes by the way back.
    back = Expectation(
        check="dns.address",
        subject=f"{spec.name} (reverse)",
        at=("dns", "reverse"),
        expected=spec.name,
        severity=Severity.WARNING,
    )
    reason = _reason(spec, found, expected)
    if isinstance(found, Unanswered) or isinstance(expected, Unanswered) or reason:
        yield forward.unknown(reason)
        if spec.reverse:
            yield back.unknown(reason)
        return
    yield _evaluate_forward(forward, found, expected)
    # Where the name leads elsewhere, that is the one cause; the way back from there says nothing
    if spec.reverse and expected in map(_normal, found.addresses):
        yield _evaluate_back(back, found, expected)


def _expected(spec: DnsSpec, reached: Answer) -> str | Unanswered:
    if spec.address != _AUDITED:
        return spec.address
    if isinstance(reached, Unanswered):
        return Unanswered(f"the address at which the host was audited is not known: {reached.reason}")
    return _normal(reached.stdout) or Unanswered("the address at which the host was audited makes no sense")


def _reason(spec: DnsSpec, found: Resolved | Unanswered, expected: str | Unanswered) -> str:
    """Say why nothing can be told, if it cannot."""
    if isinstance(found, Unanswered):
        return found.reason
    if not found.addresses:
        return f"the auditor's resolver does not know {spec.name}: audit from within the fleet's network"
    return expected.reason if isinstance(expected, Unanswered) else ""


def _evaluate_forward(expectation: Expectation, found: Resolved, expected: str) -> Result:
    """Judge all addresses of the expected one's family: a second one leads every other client astray."""
    addresses = [_normal(one) for one in found.addresses]
    family = [one for one in addresses if (":" in one) == (":" in expected)]
    shown = ", ".join(one or "nonsense" for one in addresses)
    if set(family) == {expected}:
        return expectation.ok(shown)
    also = " as well" if expected in family else f" and not to {expected}"
    wrong = ", ".join(one or "nonsense" for one in (family or addresses) if one != expected)
    return expectation.drift(shown, f"{expectation.subject} resolves to {wrong}{also}: mend its record in DNS")


def _evaluate_back(expectation: Expectation, found: Resolved, expected: str) -> Result:
    names = [
        name.rstrip(".") for address, back in found.names.items() if _normal(address) == expected for name in back
    ]
    if expectation.expected.lower() in (name.lower() for name in names):
        return expectation.ok(", ".join(names))
    if names:
        observed = ", ".join(names)
        message = f"{expected} resolves back to {observed} and not to {expectation.expected}: fix its PTR record"
        return expectation.drift(observed, message)
    return expectation.drift("no name", f"{expected} does not resolve back to a name: add its PTR record")


CHECKER = Checker(
    section="dns",
    model=DnsSpec,
    ids=(
        Check(
            "dns.address",
            # The fleet's services find each other by these names.
            Severity.CRITICAL,
            "the name resolves to another address, or (a warning) the address to no or another name",
            "mend the records of the name and of its address in DNS",
        ),
    ),
    collected="the resolver of the machine that audits, and the address at which the host was reached",
    probes=probes,
    evaluate=evaluate,
)
