"""fleet.version: all hosts have the same Docker Engine and the same Compose.

Different versions have caused outages during upgrades: internetarchive/openlibrary#7667, #7706, #11332.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from olaudit.checker import Checker
from olaudit.checks.fleet.spec import ABSENT, Agree, ComparedProgram
from olaudit.facts import versions
from olaudit.model import Check, Fact, Facts, Severity, Vote

# A warning: other versions work, and may fail only at the next upgrade or deploy.
CHECK = Check(
    "fleet.version",
    Severity.WARNING,
    "the host has another version of Docker or Compose than most hosts, or lacks it",
    "install the version of most hosts",
)

_FACTS: Mapping[ComparedProgram, Fact[str | None]] = MappingProxyType(
    {"docker": versions.ENGINE, "compose": versions.COMPOSE}
)


def facts_of(spec: Agree) -> tuple[Fact[str | None], ...]:
    """List the versions to compare."""
    return tuple(_FACTS[program] for program in dict.fromkeys(spec.versions))


def vote(spec: Agree, facts: Facts) -> Iterator[Vote]:
    """Vote with the version of each program."""
    for program in dict.fromkeys(spec.versions):
        fact = _FACTS[program]
        expectation = CHECK.expect(program, ("agree", "versions"), based_on=(fact,))
        version = facts[fact]
        yield Vote(expectation, f"the version of {program.title()}", ABSENT if version is None else version)


CHECKER = Checker(
    section="agree",
    model=Agree,
    checks=(CHECK,),
    collected="the engine's `GET /version`, the metadata of Docker's Compose plugin",
    facts=facts_of,
    vote=vote,
)
