"""The filter rules in force, as iptables lists them."""

import re
from dataclasses import dataclass

from olaudit.model import Answered, Command, Fact, Unknown

_CHAIN = re.compile(r":(\S+) (\S+)")
_TARGET = re.compile(r"(?= -[jg] ([^ ]+))")
_LEGACY = "# Warning: iptables-legacy tables present"


@dataclass(frozen=True, slots=True)
class FilterRules:
    """The chains of the filter table. `targets` are those to which a rule jumps, `builtin` those of the kernel.

    The kernel may hold two sets of tables, each with its own version of iptables. `legacy`: the version for
    nf_tables was asked, and the legacy set has rules too, which are not listed.
    """

    chains: frozenset[str]
    builtin: frozenset[str]
    targets: frozenset[str]
    legacy: bool


def _parse(answer: Answered) -> FilterRules | Unknown:
    *lines, partial = answer.stdout.split("\n")
    tables = [line[:1] for line in lines].count("*")  # there may be none
    complete = not partial and all(line.startswith(("*", ":", "-A ", "#")) or line == "COMMIT" for line in lines)
    comments = answer.stderr.split("\n")
    if not complete or lines.count("COMMIT") != tables:
        excerpts = [line for line in (*comments, *lines) if line and not line.startswith("#")]
        return Unknown(f"iptables-save did not list the rules: {excerpts[0][:200] if excerpts else 'no output'}")
    _, _, filter_table = "\n".join(("", *lines)).partition("\n*filter\n")
    rules = filter_table.partition("\nCOMMIT")[0].split("\n")
    chains = [(match[1], match[2]) for rule in rules if (match := _CHAIN.match(rule))]
    return FilterRules(
        chains=frozenset(name for name, _ in chains),
        builtin=frozenset(name for name, policy in chains if policy != "-"),
        targets=frozenset(target for rule in rules for target in _TARGET.findall(rule)),
        legacy=any(line.startswith(_LEGACY) for line in (*comments, *rules)),
    )


# Not `iptables -S`: its legacy version creates /run/xtables.lock and the table that it lists, and loads kernel
# modules. iptables-save prints the existing tables only.
RULES: Fact[FilterRules] = Fact("iptables.rules", Command(("iptables-save",), may_hang=True, sudo=True), _parse)
