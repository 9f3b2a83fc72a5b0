"""dns.retired: host names that are out of use do not resolve, and no configuration file contains them.

Services have waited for retired hosts whose names remained: internetarchive/openlibrary#7920, #4203.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from olaudit.checker import Checker
from olaudit.facts.addresses import Resolution, resolution
from olaudit.facts.text_search import FileMatches, WordMatch, word_matches
from olaudit.language import AbsolutePath, LookupName, Section
from olaudit.model import Check, Expectation, Fact, Facts, Result, Severity, Unknown, because


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


RETIRED = Check(
    "dns.retired",
    Severity.WARNING,
    "a name that is out of use still resolves, or a file still contains it",
    "delete the DNS record, and remove the name from the file",
)


def facts_of(spec: RetiredNamesSpec) -> Iterator[Fact[Any]]:
    """List the search of the host's files, and the lookups of the names and of the witness."""
    if spec.files and spec.names:  # without a pattern, grep would use the first file name as the pattern
        yield word_matches(spec.names, spec.files)
    if spec.unresolved and spec.witness:
        yield from map(resolution, (*spec.unresolved, spec.witness))


def evaluate(spec: RetiredNamesSpec, facts: Facts) -> Iterator[Result]:
    """Evaluate each file, then each name."""
    search = word_matches(spec.names, spec.files)
    expected = f"none of {', '.join(spec.names)}"
    for index, file in enumerate(spec.files):
        at = ("retired_names", "files", index)
        expectation = RETIRED.expect(file, at, expected, based_on=(search.about(file),))
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
    expectation = RETIRED.expect(name, at, "the name does not resolve", based_on=based_on)
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


CHECKER = Checker(
    section="retired_names",
    model=RetiredNamesSpec,
    checks=(RETIRED,),
    collected="`grep -r` over the files, printing only the names; the resolver of the machine that runs the audit",
    facts=facts_of,
    evaluate=evaluate,
)
