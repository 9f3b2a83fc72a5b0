"""dns.retired: host names that are out of use no longer resolve, and are in no file that still steers anything.

Names of hosts that are gone have kept services waiting for them: internetarchive/openlibrary#7920, #4203.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from olaudit.checker import Check, Checker
from olaudit.checks.dns.resolved import Name, resolved
from olaudit.language import AbsolutePath, Section
from olaudit.model import (
    Answer,
    Answered,
    Answers,
    Command,
    Expectation,
    Lookup,
    Probe,
    Result,
    Severity,
    Unanswered,
)

_ABSENT = (": No such file or directory", ": Not a directory")
_MATCHES = "20"  # of one file: enough to see that it must be mended


class RetiredNamesSpec(Section):
    """Names out of use: `names` must be in none of the `files`, the names in `unresolved` must not resolve.

    A folder among the files stands for all files below it. Comments count: somebody may take them at their word.
    That a name does not resolve says nothing if the auditor's resolver does not know the fleet at all: so it is
    believed only of one that knows the `witness`, a name in use.
    """

    names: tuple[Name, ...] = ()
    files: tuple[AbsolutePath, ...] = ()
    unresolved: tuple[Name, ...] = ()
    witness: Annotated[
        Name | None, Field(description="A name that does resolve, for a resolver that can tell.")
    ] = None

    @model_validator(mode="after")
    def _whole(self) -> RetiredNamesSpec:
        if self.unresolved and not self.witness:
            msg = "unresolved needs a witness: a name that resolves, for a resolver that can tell"
            raise ValueError(msg)
        return self


def _search(spec: RetiredNamesSpec) -> Command:
    # Only the names themselves are printed (-o): what is around them in a configuration may be a password.
    patterns = (word for name in spec.names for word in ("-e", name))
    options = ("-r", "-I", "-i", "-w", "-F", "-o", "-n", "-H", "-Z", "-m", _MATCHES)
    # 1: nothing found, 2: not all could be searched
    return Command(("grep", *options, *patterns, "--", *spec.files), may_hang=True, statuses=(0, 1, 2))


def probes(spec: RetiredNamesSpec) -> Iterator[Probe]:
    """Ask the host for its files, and the resolver for the names and the witness."""
    if spec.files and spec.names:  # without a word grep would take the first file for one
        yield _search(spec)
    if spec.unresolved and spec.witness:
        yield from map(Lookup, (*spec.unresolved, spec.witness))


def evaluate(spec: RetiredNamesSpec, answers: Answers) -> Iterator[Result]:
    """Judge each file, and then each name."""
    found = answers[_search(spec)]
    for n, file in enumerate(spec.files):
        yield _evaluate_file(n, file, spec, found)
    for n, name in enumerate(spec.unresolved):
        yield _evaluate_name(n, name, spec.witness or "", answers)


def _evaluate_file(n: int, file: str, spec: RetiredNamesSpec, answer: Answer) -> Result:
    expected = f"none of {', '.join(spec.names)}"
    expectation = Expectation(
        check="dns.retired", subject=file, at=("retired_names", "files", n), expected=expected
    )
    if isinstance(answer, Unanswered):
        return expectation.unknown(answer.reason)
    *records, rest = answer.stdout.split("\n")
    lines = [line.partition("\0") for line in records]
    if rest or not all(nul for _, nul, _ in lines) or not _ended_well(answer, bool(lines)):
        return expectation.unknown(f"grep's answer is not understood (status {answer.status})")
    if hits := [(path, rest) for path, _, rest in lines if f"{path}/".startswith(f"{file.rstrip('/')}/")]:
        return _found(expectation, file, spec, hits)
    blind = [line for line in answer.stderr.split("\n") if line and not line.endswith(_ABSENT)]
    # A complaint that names none of the files may be about any of them
    if mine := [line for line in blind if file in line or not any(one in line for one in spec.files)]:
        return expectation.unknown(f"not all of it could be searched: {mine[0][:200]}")
    if any(f" {file}: " in line for line in answer.stderr.split("\n")):
        return expectation.ok("absent", "it is not there, so it names nobody")
    return expectation.ok("none")


def _ended_well(answer: Answered, found: bool) -> bool:
    """Say whether grep's status fits what it printed: 0 found, 1 nothing found, 2 not all could be searched."""
    return bool(answer.stderr) if answer.status == 2 else answer.status == (0 if found else 1)


def _found(expectation: Expectation, file: str, spec: RetiredNamesSpec, hits: list[tuple[str, str]]) -> Result:
    path, rest = hits[0]
    line, _, name = rest.partition(":")
    names = ", ".join(dict.fromkeys(rest.partition(":")[2].lower() for _, rest in hits))
    more = f", and {len(hits) - 1} more" if len(hits) > 1 else ""
    message = f"{path} still names {name} in line {line}{more}"
    words = (word for one in spec.names for word in ("-e", one))
    return expectation.drift(names, message, shlex.join(("grep", "-rnwiF", *words, "--", file)))


def _evaluate_name(n: int, name: str, witness: str, answers: Answers) -> Result:
    expectation = Expectation(
        check="dns.retired", subject=name, at=("retired_names", "unresolved", n), expected="it does not resolve"
    )
    found, known = resolved(answers[Lookup(name)]), resolved(answers[Lookup(witness)])
    if isinstance(found, Unanswered):
        return expectation.unknown(found.reason)
    if found.addresses:
        there = ", ".join(found.addresses)
        return expectation.drift(there, f"{name} is retired, but still resolves to {there}: take it out of DNS")
    if isinstance(known, Unanswered):
        return expectation.unknown(
            f"whether the auditor's resolver knows the fleet cannot be told: {known.reason}"
        )
    if not known.addresses:
        reason = f"the auditor's resolver does not know {witness} either, so its not knowing {name} says nothing"
        return expectation.unknown(f"{reason}: audit from within the fleet's network")
    return expectation.ok("it does not resolve")


CHECKER = Checker(
    section="retired_names",
    model=RetiredNamesSpec,
    ids=(
        Check(
            "dns.retired",
            Severity.WARNING,
            "a name that is out of use still resolves, or is still named in a file",
            "take it out of DNS, and out of the file",
        ),
    ),
    collected="`grep -r` over the files, which prints the names only; the resolver of the machine that audits",
    probes=probes,
    evaluate=evaluate,
)
