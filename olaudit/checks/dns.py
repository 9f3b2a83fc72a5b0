"""dns.*: names resolve as expected by the auditor's resolver, and retired names do not resolve.

Outside the fleet's network, the resolver may not know any name of the fleet. So a name that does not resolve is
unknown where it should resolve, and where it should not, a name in use must resolve.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from olaudit.checker import Checker
from olaudit.facts.addresses import AUDITED, Resolution, known_to_resolver, normalize, resolution
from olaudit.facts.text_search import FileMatches, WordMatch, word_matches
from olaudit.language import AbsolutePath, LookupName, Section
from olaudit.model import Check, Expectation, Fact, Facts, Result, Severity, Unknown, because, combine

# --- dns.address: the host's name resolves to its address, and the address resolves back to the name ------------

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


_ADDRESS = Check(
    "dns.address",
    # The services of the fleet find each other by these names.
    Severity.CRITICAL,
    "the name resolves to another address, or (a warning) the address to another name or to none",
    "correct the DNS records of the name and of its address",
)


def _facts_of_address(spec: DnsSpec) -> tuple[Fact[Any], ...]:
    """Return the lookup of the name and, if that is expected, the audited address."""
    lookup = resolution(spec.name)
    return (lookup, AUDITED) if spec.address == _AUDITED else (lookup,)


def evaluate_address(spec: DnsSpec, facts: Facts) -> Iterator[Result]:
    """Evaluate the forward lookup, then the reverse lookup."""
    based_on = _facts_of_address(spec)
    audited = because("the address at which the host was audited is not known", facts[AUDITED])
    address = audited if spec.address == _AUDITED else spec.address
    expected = "the audited address" if isinstance(address, Unknown) else address
    forward = _ADDRESS.expect(spec.name, ("dns", "address"), expected, based_on=based_on)
    # A warning: only logs and access rules by name use the reverse lookup.
    severity, subject = Severity.WARNING, f"{spec.name} (reverse)"
    reverse = _ADDRESS.expect(subject, ("dns", "reverse"), spec.name, severity=severity, based_on=based_on)
    values = combine(known_to_resolver(spec.name, facts[resolution(spec.name)]), address)
    yield forward.evaluate(values, partial(_evaluate_forward, forward))
    # If the name resolves to another address, that is the one cause: there is no reverse result then
    if spec.reverse and (isinstance(values, Unknown) or values[1] in map(normalize, values[0].addresses)):
        yield reverse.evaluate(values, partial(_evaluate_reverse, reverse))


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


ADDRESS = Checker(
    section="dns",
    model=DnsSpec,
    checks=(_ADDRESS,),
    collected="the resolver of the machine that runs the audit, and the address at which the host was reached",
    facts=_facts_of_address,
    evaluate=evaluate_address,
)


# --- dns.retired: host names that are out of use do not resolve, and no configuration file contains them --------
# Services have waited for retired hosts whose names remained: internetarchive/openlibrary#7920, #4203.


class RetiredNamesSpec(Section):
    """Names out of use: none of the `files` may contain `names`, and the names in `unresolved` must not resolve.

    A folder in `files` stands for all files below it. Comments count too, because readers rely on them.
    A resolver outside the fleet's network resolves no name of the fleet. So a failed lookup counts only if the
    same resolver resolves `witness`, a name in use.
    """

    names: tuple[LookupName, ...] = ()
    files: tuple[AbsolutePath, ...] = ()
    unresolved: tuple[LookupName, ...] = ()
    witness: Annotated[
        LookupName | None, Field(description="A name that resolves on every resolver that knows the fleet.")
    ] = None

    @model_validator(mode="after")
    def _check_witness(self) -> Self:
        if self.unresolved and not self.witness:
            raise ValueError(
                "unresolved needs a witness: a name that resolves on every resolver that knows the fleet"
            )
        return self


_RETIRED = Check(
    "dns.retired",
    Severity.WARNING,
    "a name that is out of use still resolves, or a file still contains it",
    "delete the DNS record, and remove the name from the file",
)


def _facts_of_retired(spec: RetiredNamesSpec) -> Iterator[Fact[Any]]:
    """List the search of the host's files, and the lookups of the names and of the witness."""
    if spec.files and spec.names:  # without a pattern, grep would use the first file name as the pattern
        yield word_matches(spec.names, spec.files)
    if spec.unresolved and spec.witness:
        yield from map(resolution, (*spec.unresolved, spec.witness))


def evaluate_retired(spec: RetiredNamesSpec, facts: Facts) -> Iterator[Result]:
    """Evaluate each file, then each name."""
    search = word_matches(spec.names, spec.files)
    expected = f"none of {', '.join(spec.names)}"
    for index, file in enumerate(spec.files):
        at = ("retired_names", "files", index)
        expectation = _RETIRED.expect(file, at, expected, based_on=(search.about(file),))
        yield expectation.evaluate(facts[search], partial(_evaluate_file, expectation, spec.names))
    for index, name in enumerate(spec.unresolved):
        yield _evaluate_name(index, name, spec.witness or "", facts)


def _evaluate_file(expectation: Expectation, names: Sequence[str], searched: Mapping[str, FileMatches]) -> Result:
    match searched[expectation.subject]:
        case Unknown(reason):
            return expectation.unknown(reason)
        case None:
            return expectation.ok("absent", "the file does not exist")
        case ():
            return expectation.ok("none")
        case matches:
            return _drift(expectation, names, matches)


def _drift(expectation: Expectation, names: Sequence[str], matches: Sequence[WordMatch]) -> Result:
    first, names_there = matches[0], ", ".join(dict.fromkeys(match.word.lower() for match in matches))
    more = f", and {len(matches) - 1} more" if len(matches) > 1 else ""
    message = f"{first.path} still contains {first.word} in line {first.line}{more}"
    patterns = (argument for name in names for argument in ("-e", name))
    command = shlex.join(("grep", "-rnwiF", *patterns, "--", expectation.subject))
    return expectation.drift(names_there, message, command)


def _evaluate_name(index: int, name: str, witness: str, facts: Facts) -> Result:
    lookup, reference = resolution(name), resolution(witness)
    resolved = facts[lookup]
    resolves = isinstance(resolved, Unknown) or bool(resolved.addresses)
    at, based_on = ("retired_names", "unresolved", index), (lookup,) if resolves else (lookup, reference)
    expectation = _RETIRED.expect(name, at, "the name does not resolve", based_on=based_on)
    if isinstance(resolved, Unknown):
        return expectation.unknown(resolved.reason)
    if resolved.addresses:
        addresses = ", ".join(resolved.addresses)
        message = f"{name} is retired, but still resolves to {addresses}: delete its DNS record"
        return expectation.drift(addresses, message)
    known_fleet = because("cannot determine whether the auditor's resolver knows the fleet", facts[reference])
    return expectation.evaluate(known_fleet, partial(_evaluate_witness, expectation, witness))


def _evaluate_witness(expectation: Expectation, witness: str, resolved: Resolution) -> Result:
    if resolved.addresses:
        return expectation.ok("the name does not resolve")
    reason = f"the auditor's resolver resolves neither {expectation.subject} nor {witness}, a name in use"
    return expectation.unknown(f"{reason}: audit from within the fleet's network")


RETIRED = Checker(
    section="retired_names",
    model=RetiredNamesSpec,
    checks=(_RETIRED,),
    collected="`grep -r` over the files, printing only the names; the resolver of the machine that runs the audit",
    facts=_facts_of_retired,
    evaluate=evaluate_retired,
)
