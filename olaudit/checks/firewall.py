"""firewall.rules: ferm's file equals the deployed one, and the expected chains are in force.

A restart of ferm has deleted Docker's own chains before (internetarchive/openlibrary#4706, #4723), so that no
container was reachable. So a chain has to exist, and a rule has to jump to it.
"""

import shlex
from collections.abc import Iterator
from functools import partial
from typing import Annotated

from pydantic import Field

from olaudit.checker import Checker
from olaudit.facts.files import Comparison, comparison
from olaudit.facts.iptables import RULES, FilterRules
from olaudit.language import AbsolutePath, Section
from olaudit.model import Check, Expectation, Facts, Result, Severity

_ChainName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,27}$")]  # the maximum length in iptables


class FirewallSpec(Section):
    """Ferm's configuration file `ferm`, the deployed file `source` that it must equal, and filter chains."""

    ferm: AbsolutePath
    source: AbsolutePath
    chains: tuple[_ChainName, ...] = ()


# Critical: without Docker's chains no container is reachable, or every published port is open to all hosts.
CHECK = Check(
    "firewall.rules",
    Severity.CRITICAL,
    "a chain does not exist, no rule jumps to it, or (a warning) ferm's file is not the deployed one",
    "`ferm --interactive FILE`; for Docker's own chains `service docker restart`",
)


def evaluate(spec: FirewallSpec, facts: Facts) -> Iterator[Result]:
    """Evaluate the file, then each chain."""
    # A warning: the rules in force have not changed. The chain checks detect a host that is open or unreachable.
    files, severity = comparison(spec.ferm, spec.source), Severity.WARNING
    at, expected = ("firewall", "ferm"), f"equal to {spec.source}"
    expectation = CHECK.expect(spec.ferm, at, expected, severity=severity, based_on=(files,))
    yield expectation.evaluate(facts[files], partial(_evaluate_file, expectation, spec))
    for n, chain in enumerate(spec.chains):
        at_chain, based_on = ("firewall", "chains", n), (RULES.about(chain),)
        expectation = CHECK.expect(chain, at_chain, "a chain that is in force", based_on=based_on)
        yield expectation.evaluate(facts[RULES], partial(_evaluate_chain, expectation))


def _evaluate_file(expectation: Expectation, spec: FirewallSpec, compared: Comparison | None) -> Result:
    # --interactive restores the old rules if the new ones disconnect the operator
    fix = f"ln -sfn -- {shlex.join((spec.source, spec.ferm))} && ferm --interactive {shlex.quote(spec.ferm)}"
    if compared is None:
        message = f"{spec.ferm} does not exist: no firewall will start at the next reboot"
        return expectation.drift("absent", message, fix)
    if compared.equal:
        return expectation.ok("equal")
    where = "differs" if compared.line is None else f"differs from line {compared.line} on"
    return expectation.drift(where, f"{spec.ferm} is not the deployed {spec.source}: it {where}", fix)


def _evaluate_chain(expectation: Expectation, rules: FilterRules) -> Result:
    chain = expectation.subject
    if chain in rules.builtin or chain in rules.chains & rules.targets:
        return expectation.ok("in force")
    if rules.legacy:
        return expectation.unknown(
            f"{chain} is not in force in iptables (nf_tables), but legacy tables exist too and were not read: "
            "check with iptables-legacy -S"
        )
    fix = "service docker restart" if chain.startswith("DOCKER") else "service ferm restart"
    if chain in rules.chains:
        return expectation.drift("not used", f"chain {chain} exists, but no rule jumps to it", fix)
    return expectation.drift("absent", f"chain {chain} does not exist", fix)


CHECKER = Checker(
    section="firewall",
    model=FirewallSpec,
    checks=(CHECK,),
    collected="`cmp` of the two files and `iptables-save`, both by sudo",
    facts=lambda spec: (comparison(spec.ferm, spec.source), *([RULES] if spec.chains else [])),
    evaluate=evaluate,
)
