"""dns.retired: host names that are out of use do not resolve, and no configuration file contains them.

Services have waited for retired hosts whose names remained: internetarchive/openlibrary#7920, #4203.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from olaudit.checker import Checker
from olaudit.checks.dns.lookup import LookupName, parse_lookup
from olaudit.language import AbsolutePath, Section
from olaudit.model import (
    Answer,
    Answered,
    Answers,
    Check,
    Command,
    Expectation,
    Lookup,
    Probe,
    Result,
    Severity,
    Unanswered,
)

_ABSENT = (": No such file or directory", ": Not a directory")
_MAX_MATCHES = "20"  # in one file: enough to show that it has to be fixed


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
    def _check_witness(self) -> RetiredNamesSpec:
        if self.unresolved and not self.witness:
            msg = "unresolved needs a witness: a name that resolves on every resolver that knows the fleet"
            raise ValueError(msg)
        return self


def _grep_probe(spec: RetiredNamesSpec) -> Command:
    # -o prints the matching names only: the rest of a configuration line may contain a password.
    patterns = (argument for name in spec.names for argument in ("-e", name))
    options = ("-r", "-I", "-i", "-w", "-F", "-o", "-n", "-H", "-Z", "-m", _MAX_MATCHES)
    # 1: no match, 2: not all files could be searched
    return Command(("grep", *options, *patterns, "--", *spec.files), may_hang=True, statuses=(0, 1, 2))


def probes(spec: RetiredNamesSpec) -> Iterator[Probe]:
    """Build the probe that searches the host's files, and the lookups of the names and of the witness."""
    if spec.files and spec.names:  # without a pattern, grep would use the first file name as the pattern
        yield _grep_probe(spec)
    if spec.unresolved and spec.witness:
        yield from map(Lookup, (*spec.unresolved, spec.witness))


def evaluate(spec: RetiredNamesSpec, answers: Answers) -> Iterator[Result]:
    """Evaluate each file, then each name."""
    matches = answers[_grep_probe(spec)]
    for index, file in enumerate(spec.files):
        yield _evaluate_file(index, file, spec, matches)
    for index, name in enumerate(spec.unresolved):
        yield _evaluate_name(index, name, spec.witness or "", answers)


def _evaluate_file(index: int, file: str, spec: RetiredNamesSpec, answer: Answer) -> Result:
    expected = f"none of {', '.join(spec.names)}"
    expectation = Expectation(
        check="dns.retired", subject=file, at=("retired_names", "files", index), expected=expected
    )
    if isinstance(answer, Unanswered):
        return expectation.unknown(answer.reason)
    *records, partial = answer.stdout.split("\n")
    lines = [line.partition("\0") for line in records]
    if partial or not all(nul for _, nul, _ in lines) or not _is_plausible(answer, bool(lines)):
        return expectation.unknown(f"cannot parse the output of grep (status {answer.status})")
    if matches := [(path, text) for path, _, text in lines if f"{path}/".startswith(f"{file.rstrip('/')}/")]:
        return _drift(expectation, file, spec, matches)
    errors = [line for line in answer.stderr.split("\n") if line and not line.endswith(_ABSENT)]
    # An error line that contains none of the files may be about any of them
    if relevant := [line for line in errors if file in line or not any(name in line for name in spec.files)]:
        return expectation.unknown(f"cannot search all of {file}: {relevant[0][:200]}")
    if any(f" {file}: " in line for line in answer.stderr.split("\n")):
        return expectation.ok("absent", "the file does not exist")
    return expectation.ok("none")


def _is_plausible(answer: Answered, has_matches: bool) -> bool:
    """Return whether grep's status fits its output: 0 matches, 1 no match, 2 not all files could be searched."""
    return bool(answer.stderr) if answer.status == 2 else answer.status == (0 if has_matches else 1)


def _drift(expectation: Expectation, file: str, spec: RetiredNamesSpec, matches: list[tuple[str, str]]) -> Result:
    path, text = matches[0]
    line, _, name = text.partition(":")
    names = ", ".join(dict.fromkeys(text.partition(":")[2].lower() for _, text in matches))
    more = f", and {len(matches) - 1} more" if len(matches) > 1 else ""
    message = f"{path} still contains {name} in line {line}{more}"
    patterns = (argument for name in spec.names for argument in ("-e", name))
    return expectation.drift(names, message, shlex.join(("grep", "-rnwiF", *patterns, "--", file)))


def _evaluate_name(index: int, name: str, witness: str, answers: Answers) -> Result:
    expectation = Expectation(
        check="dns.retired",
        subject=name,
        at=("retired_names", "unresolved", index),
        expected="the name does not resolve",
    )
    resolution, reference = parse_lookup(answers[Lookup(name)]), parse_lookup(answers[Lookup(witness)])
    if isinstance(resolution, Unanswered):
        return expectation.unknown(resolution.reason)
    if resolution.addresses:
        addresses = ", ".join(resolution.addresses)
        return expectation.drift(
            addresses, f"{name} is retired, but still resolves to {addresses}: delete its DNS record"
        )
    if isinstance(reference, Unanswered):
        return expectation.unknown(
            f"cannot determine whether the auditor's resolver knows the fleet: {reference.reason}"
        )
    if not reference.addresses:
        reason = f"the auditor's resolver resolves neither {name} nor {witness}, a name in use"
        return expectation.unknown(f"{reason}: audit from within the fleet's network")
    return expectation.ok("the name does not resolve")


CHECKER = Checker(
    section="retired_names",
    model=RetiredNamesSpec,
    checks=(
        Check(
            "dns.retired",
            Severity.WARNING,
            "a name that is out of use still resolves, or a file still contains it",
            "delete the DNS record, and remove the name from the file",
        ),
    ),
    collected="`grep -r` over the files, printing only the names; the resolver of the machine that runs the audit",
    facts=probes,
    evaluate=evaluate,
)
