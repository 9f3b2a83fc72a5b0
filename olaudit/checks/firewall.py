"""firewall.rules: ferm's file equals the deployed one, and the expected chains are in force.

A restart of ferm has deleted Docker's own chains before (internetarchive/openlibrary#4706, #4723), so that no
container was reachable. So a chain has to exist, and a rule has to jump to it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from olaudit.checker import Checker
from olaudit.language import AbsolutePath, Section
from olaudit.model import Answer, Answers, Check, Command, Expectation, Result, Severity, Unanswered

# Not `iptables -S`: its legacy version creates /run/xtables.lock and the table that it lists, and loads kernel
# modules. iptables-save prints the existing tables only.
_RULES = Command(("iptables-save",), may_hang=True, sudo=True)

_ABSENT = ("No such file or directory", "Not a directory")
_DIFFER = re.compile(r"differ: (?:byte|char) [0-9]+, (line [0-9]{1,9})$", re.MULTILINE)

_CHAIN = re.compile(r":(\S+) (\S+)")

_ChainName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,27}$")]  # the maximum length in iptables


class FirewallSpec(Section):
    """Ferm's configuration file `ferm`, the deployed file `source` that it must equal, and filter chains."""

    ferm: AbsolutePath
    source: AbsolutePath
    chains: tuple[_ChainName, ...] = ()


def _compare(spec: FirewallSpec) -> Command:
    # On Debian only root and the group adm may read /etc/ferm.
    # 2: one of the files could not be read
    return Command(("cmp", "--", spec.ferm, spec.source), may_hang=True, sudo=True, statuses=(0, 1, 2))


def probes(spec: FirewallSpec) -> tuple[Command, ...]:
    """Build the probe that compares the files, and, if chains are expected, the probe for the rules in force."""
    return (_compare(spec), _RULES) if spec.chains else (_compare(spec),)


def evaluate(spec: FirewallSpec, answers: Answers) -> Iterator[Result]:
    """Evaluate the file, then each chain."""
    yield _evaluate_file(spec, answers[_compare(spec)])
    rules = _parse_rules(answers[_RULES]) if spec.chains else ()
    for n, chain in enumerate(spec.chains):
        yield _evaluate_chain(n, chain, rules)


def _evaluate_file(spec: FirewallSpec, answer: Answer) -> Result:
    # A warning: the rules in force have not changed. The chain checks detect a host that is open or unreachable.
    expectation = Expectation(
        check="firewall.rules",
        subject=spec.ferm,
        at=("firewall", "ferm"),
        expected=f"equal to {spec.source}",
        severity=Severity.WARNING,
    )
    if isinstance(answer, Unanswered):
        return expectation.unknown(answer.reason)
    if answer.status == 0 and not answer.stdout and not answer.stderr:
        return expectation.ok("equal")
    # --interactive restores the old rules if the new ones disconnect the operator
    fix = f"ln -sfn -- {shlex.join((spec.source, spec.ferm))} && ferm --interactive {shlex.quote(spec.ferm)}"
    if answer.status == 1 and (answer.stdout or answer.stderr):
        match = _DIFFER.search(answer.stdout)
        where = f"differs from {match[1]} on" if match else "differs"
        return expectation.drift(where, f"{spec.ferm} is not the deployed {spec.source}: it {where}", fix)
    error = answer.stderr.partition("\n")[0]
    if answer.status == 2 and error.startswith(f"cmp: {spec.ferm}: ") and error.endswith(_ABSENT):
        return expectation.drift(
            "absent", f"{spec.ferm} does not exist: no firewall will start at the next reboot", fix
        )
    return expectation.unknown(f"cannot compare {spec.ferm} with {spec.source}: {error[:200]!r}")


def _parse_rules(answer: Answer) -> tuple[str, ...] | Unanswered:
    """Parse the rules of the filter table and the comments on standard error.

    The kernel may hold two sets of tables, each with its own version of iptables. The version for nf_tables prints
    a warning, as a comment, if the legacy set has rules.
    """
    if isinstance(answer, Unanswered):
        return answer
    *lines, partial = answer.stdout.split("\n")
    tables = [line[:1] for line in lines].count("*")  # there may be none
    complete = not partial and all(line.startswith(("*", ":", "-A ", "#")) or line == "COMMIT" for line in lines)
    if not complete or lines.count("COMMIT") != tables:
        excerpts = [line for line in (*answer.stderr.split("\n"), *lines) if line and not line.startswith("#")]
        excerpt = excerpts[0][:200] if excerpts else "no output"
        return Unanswered(f"iptables-save did not list the rules: {excerpt}")
    _, _, rules = "\n".join(("", *lines)).partition("\n*filter\n")
    listed = map(_to_list_format, rules.partition("\nCOMMIT")[0].split("\n"))
    return (*listed, *(line for line in answer.stderr.split("\n") if line.startswith("#")))


def _to_list_format(line: str) -> str:
    """Convert a chain to the format of `iptables -S`: -P with its policy if it is built in, else -N."""
    chain = _CHAIN.match(line)
    return line if not chain else f"-N {chain[1]}" if chain[2] == "-" else f"-P {chain[1]} {chain[2]}"


def _evaluate_chain(n: int, chain: str, rules: tuple[str, ...] | Unanswered) -> Result:
    # Critical: without Docker's chains no container is reachable, or every published port is open to all hosts.
    expectation = Expectation(
        check="firewall.rules", subject=chain, at=("firewall", "chains", n), expected="a chain that is in force"
    )
    if isinstance(rules, Unanswered):
        return expectation.unknown(rules.reason)
    exists = any(line.split(" ")[:2] in (["-N", chain], ["-P", chain]) for line in rules)
    builtin = any(line.startswith(f"-P {chain} ") for line in rules)
    if builtin or (exists and any(re.search(rf" -[jg] {chain}( |$)", line) for line in rules)):
        return expectation.ok("in force")
    if any(line.startswith("# Warning: iptables-legacy tables present") for line in rules):
        return expectation.unknown(
            f"{chain} is not in force in iptables (nf_tables), but legacy tables exist too and were not read: "
            "check with iptables-legacy -S"
        )
    fix = "service docker restart" if chain.startswith("DOCKER") else "service ferm restart"
    if exists:
        return expectation.drift("not used", f"chain {chain} exists, but no rule jumps to it", fix)
    return expectation.drift("absent", f"chain {chain} does not exist", fix)


CHECKER = Checker(
    section="firewall",
    model=FirewallSpec,
    checks=(
        Check(
            "firewall.rules",
            Severity.CRITICAL,
            "a chain does not exist, no rule jumps to it, or (a warning) ferm's file is not the deployed one",
            "`ferm --interactive FILE`; for Docker's own chains `service docker restart`",
        ),
    ),
    collected="`cmp` of the two files and `iptables-save`, both by sudo",
    facts=probes,
    evaluate=evaluate,
)
