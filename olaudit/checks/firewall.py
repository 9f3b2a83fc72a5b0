"""firewall.rules: ferm's file is the one that was deployed, and the chains that the rules need are in force.

A restart of ferm has swept Docker's own chains away before (internetarchive/openlibrary#4706, #4723), with all
containers cut off. So a chain must be there, and something must lead into it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from olaudit.checker import Check, Checker
from olaudit.language import AbsolutePath, Section
from olaudit.model import Answer, Answers, Command, Expectation, Result, Severity, Unanswered

# Not `iptables -S`: the legacy one creates /run/xtables.lock and the table it is to list, and loads its modules.
# iptables-save prints the tables that exist.
_RULES = Command(("iptables-save",), may_hang=True, sudo=True)

_ABSENT = ("No such file or directory", "Not a directory")
_DIFFER = re.compile(r"differ: (?:byte|char) [0-9]+, (line [0-9]{1,9})$", re.MULTILINE)

_CHAIN = re.compile(r":(\S+) (\S+)")

_Chain = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,27}$")]  # iptables' own limit of length


class FirewallSpec(Section):
    """Ferm's configuration `ferm`, the deployed file `source` that it must equal, and iptables' filter chains."""

    ferm: AbsolutePath
    source: AbsolutePath
    chains: tuple[_Chain, ...] = ()


def _compare(spec: FirewallSpec) -> Command:
    # Debian keeps /etc/ferm to root and the group adm.
    # 2: one of them could not be read
    return Command(("cmp", "--", spec.ferm, spec.source), may_hang=True, sudo=True, statuses=(0, 1, 2))


def probes(spec: FirewallSpec) -> tuple[Command, ...]:
    """Ask whether the files are equal, and for the rules that are in force if a chain must be among them."""
    return (_compare(spec), _RULES) if spec.chains else (_compare(spec),)


def evaluate(spec: FirewallSpec, answers: Answers) -> Iterator[Result]:
    """Judge the file, and then each chain."""
    yield _evaluate_file(spec, answers[_compare(spec)])
    rules = _rules(answers[_RULES]) if spec.chains else ()
    for n, chain in enumerate(spec.chains):
        yield _evaluate_chain(n, chain, rules)


def _evaluate_file(spec: FirewallSpec, answer: Answer) -> Result:
    # A warning: the rules in force are those of before, and a host that is open or cut off shows in its chains.
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
    # --interactive takes the new rules back by itself if whoever set them is cut off by them
    copy = f"ln -sfn -- {shlex.join((spec.source, spec.ferm))} && ferm --interactive {shlex.quote(spec.ferm)}"
    if answer.status == 1 and (answer.stdout or answer.stderr):
        found = _DIFFER.search(answer.stdout)
        where = f"differs from {found[1]} on" if found else "differs"
        return expectation.drift(where, f"{spec.ferm} is not what was deployed as {spec.source}: it {where}", copy)
    said = answer.stderr.partition("\n")[0]
    if answer.status == 2 and said.startswith(f"cmp: {spec.ferm}: ") and said.endswith(_ABSENT):
        return expectation.drift(
            "absent", f"there is no {spec.ferm}, so no firewall comes up after a reboot", copy
        )
    return expectation.unknown(f"the files could not be compared: {said[:200]!r}")


def _rules(answer: Answer) -> tuple[str, ...] | Unanswered:
    """List the rules, if the answer shows those that are in force.

    The kernel may hold two sets of tables, and iptables is one of two programs. The one for nf_tables warns of
    rules in the other set, the legacy one.
    """
    if isinstance(answer, Unanswered):
        return answer
    *lines, rest = answer.stdout.split("\n")
    tables = [line[:1] for line in lines].count("*")  # there may be none
    understood = not rest and all(line.startswith(("*", ":", "-A ", "#")) or line == "COMMIT" for line in lines)
    if not understood or lines.count("COMMIT") != tables:
        said = [line for line in (*answer.stderr.split("\n"), *lines) if line and not line.startswith("#")]
        return Unanswered(f"iptables does not list the rules: {said[0][:200] if said else 'no output'}")
    _, _, rules = "\n".join(("", *lines)).partition("\n*filter\n")
    listed = map(_as_listed, rules.partition("\nCOMMIT")[0].split("\n"))
    return (*listed, *(line for line in answer.stderr.split("\n") if line.startswith("#")))


def _as_listed(line: str) -> str:
    """Write a chain as `iptables -S` lists it: with its policy, or as one that was made."""
    chain = _CHAIN.match(line)
    return line if not chain else f"-N {chain[1]}" if chain[2] == "-" else f"-P {chain[1]} {chain[2]}"


def _evaluate_chain(n: int, chain: str, rules: tuple[str, ...] | Unanswered) -> Result:
    # Critical: without Docker's chains no container is reached any more, or every published port is, by anybody.
    expectation = Expectation(
        check="firewall.rules", subject=chain, at=("firewall", "chains", n), expected="a chain that is in force"
    )
    if isinstance(rules, Unanswered):
        return expectation.unknown(rules.reason)
    there = any(line.split(" ")[:2] in (["-N", chain], ["-P", chain]) for line in rules)
    builtin = any(line.startswith(f"-P {chain} ") for line in rules)
    if builtin or (there and any(re.search(rf" -[jg] {chain}( |$)", line) for line in rules)):
        return expectation.ok("in force")
    if any(line.startswith("# Warning: iptables-legacy tables present") for line in rules):
        return expectation.unknown(
            f"iptables (nf_tables) does not show {chain} in force, but there are legacy tables too, which it does "
            "not show: look with iptables-legacy -S"
        )
    fix = "service docker restart" if chain.startswith("DOCKER") else "service ferm restart"
    if there:
        return expectation.drift("not used", f"there is a chain {chain}, but no rule leads into it", fix)
    return expectation.drift("absent", f"there is no chain {chain}", fix)


CHECKER = Checker(
    section="firewall",
    model=FirewallSpec,
    ids=(
        Check(
            "firewall.rules",
            Severity.CRITICAL,
            "ferm's file is not the deployed one (a warning), or a chain is not there, or no rule leads into it",
            "`ferm --interactive FILE`; for Docker's own chains `service docker restart`",
        ),
    ),
    collected="`cmp` of the two files and `iptables-save`, both by sudo",
    probes=probes,
    evaluate=evaluate,
)
