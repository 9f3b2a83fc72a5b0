"""dns.address: the host's name resolves to its address, and the address resolves back to the name.

The auditor's resolver is asked. Outside the fleet's network it may not know any name of the fleet, so a name that
does not resolve is unknown, not drift.
"""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator

from olaudit.checker import Checker
from olaudit.facts.addresses import AUDITED, Resolution, known_to_resolver, normalize, resolution
from olaudit.language import LookupName, Section
from olaudit.model import Check, Expectation, Fact, Facts, Result, Severity, Unknown, because, combine

_AUDITED = "audited"


def _check_address(text: str) -> str:
    if text != _AUDITED and (not text or normalize(text) != text):
        raise ValueError(f'{text!r} is neither an IP address in its usual spelling nor "{_AUDITED}"')
    return text


class DnsSpec(Section):
    """Expected resolution of `name`: an IP address, or the address at which the host was audited (`audited`).

    The audited address is not known behind a jump host; the result is unknown then. `reverse`: whether the address
    must resolve back to `name`.
    """

    name: LookupName
    address: Annotated[str, AfterValidator(_check_address)] = _AUDITED
    reverse: bool = True


ADDRESS = Check(
    "dns.address",
    # The services of the fleet find each other by these names.
    Severity.CRITICAL,
    "the name resolves to another address, or (a warning) the address to another name or to none",
    "correct the DNS records of the name and of its address",
)


def facts_of(spec: DnsSpec) -> tuple[Fact[Any], ...]:
    """Return the lookup of the name and, if that is expected, the audited address."""
    lookup = resolution(spec.name)
    return (lookup, AUDITED) if spec.address == _AUDITED else (lookup,)


def evaluate(spec: DnsSpec, facts: Facts) -> Iterator[Result]:
    """Evaluate the forward lookup, then the reverse lookup."""
    based_on = facts_of(spec)
    address = _expected_address(spec, facts)
    expected = "the audited address" if isinstance(address, Unknown) else address
    forward = ADDRESS.expect(spec.name, ("dns", "address"), expected, based_on=based_on)
    # A warning: only logs and access rules by name use the reverse lookup.
    severity, subject = Severity.WARNING, f"{spec.name} (reverse)"
    reverse = ADDRESS.expect(subject, ("dns", "reverse"), spec.name, severity=severity, based_on=based_on)
    values = combine(known_to_resolver(spec.name, facts[resolution(spec.name)]), address)
    yield forward.evaluate(values, partial(_evaluate_forward, forward))
    # If the name resolves to another address, that is the one cause: there is no reverse result then
    if spec.reverse and (isinstance(values, Unknown) or values[1] in map(normalize, values[0].addresses)):
        yield reverse.evaluate(values, partial(_evaluate_reverse, reverse))


def _expected_address(spec: DnsSpec, facts: Facts) -> str | Unknown:
    if spec.address != _AUDITED:
        return spec.address
    return because("the address at which the host was audited is not known", facts[AUDITED])


def _evaluate_forward(expectation: Expectation, values: tuple[Resolution, str]) -> Result:
    """Evaluate all addresses of the expected address family: with a second address, some clients connect to it."""
    resolved, expected = values
    addresses = [normalize(text) for text in resolved.addresses]
    family = [address for address in addresses if (":" in address) == (":" in expected)]
    observed = ", ".join(address or "an invalid address" for address in addresses)
    if set(family) == {expected}:
        return expectation.ok(observed)
    also = " as well" if expected in family else f", not to {expected}"
    wrong = ", ".join(address or "an invalid address" for address in (family or addresses) if address != expected)
    return expectation.drift(observed, f"{expectation.subject} resolves to {wrong}{also}: fix its DNS record")


def _evaluate_reverse(expectation: Expectation, values: tuple[Resolution, str]) -> Result:
    resolved, expected = values
    names = [
        name.rstrip(".")
        for address, reverse_names in resolved.names.items()
        if normalize(address) == expected
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
    checks=(ADDRESS,),
    collected="the resolver of the machine that runs the audit, and the address at which the host was reached",
    facts=facts_of,
    evaluate=evaluate,
)
