"""Writes what the docs take from the code: checks.md, and the sudoers lines of operating.md.

`python docs/generate.py` writes; a test says when that was forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from olaudit.audit import plan, select_checks
from olaudit.checker import AnyChecker, Check
from olaudit.checks import CHECKERS
from olaudit.evaluate import REACHABLE
from olaudit.expected import load
from olaudit.model import Command
from olaudit.waivers import CHECKS as WAIVER_CHECKS

ROOT = Path(__file__).parents[1]
CHECKS = ROOT / "docs" / "checks.md"
OPERATING = ROOT / "docs" / "operating.md"

_HEAD = """\
# Checks

Every check that olaudit can make; `python docs/generate.py` makes this page from the code. A check id is stable,
and is what `--only` and `--skip` take, globs too.

Severities say what a drift means at three in the morning:

- **critical**: the site is down or loses data, or will at the next step somebody takes; get up.
- **warning**: it works, but is not what it should be, and will hurt later; mend it by day.
- **info**: worth knowing; never changes an exit code.

What could not be asked is `unknown`, with the reason, whatever its severity: unknown is never ok.

## Every host

| id | severity | unknown when | mend |
|---|---|---|---|
| `host.reachable` | critical | the host could not be audited at all | as the finding says |
"""

_WAIVERS = """
## The waivers of `expected/waivers.yaml`

Judged after all hosts, as findings about the fleet as a whole: their host is `(fleet)`.

"""


def checks() -> str:
    """Make checks.md."""
    sections: dict[str, list[AnyChecker]] = {}
    for checker in CHECKERS:
        sections.setdefault(checker.section, []).append(checker)
    assert REACHABLE.id in _HEAD  # noqa: S101 - the one check that is no kind's
    hosts = "".join(_section(section, checkers) for section, checkers in sections.items())
    return _HEAD + hosts + _WAIVERS + _table(WAIVER_CHECKS)


def _section(section: str, checkers: list[AnyChecker]) -> str:
    how = "; ".join(dict.fromkeys(checker.collected for checker in checkers))
    checks = [check for checker in checkers for check in checker.ids]
    return f"\n## `{section}:`\n\nCollected by {how}.\n\n{_table(checks)}"


def _table(checks: Iterable[Check]) -> str:
    return "| id | severity | drift when | mend |\n|---|---|---|---|\n" + "".join(map(_row, checks))


def _row(check: Check) -> str:
    return f"| `{check.id}` | {check.severity} | {check.drift_when} | {check.fix} |\n"


def sudoers() -> str:
    """Make the lines that let the user `audit` run just what the shipped expected files need root for.

    Debian's and Ubuntu's sudoers have `mail_badpass`: without the first line, each audit would mail root about
    each command that no line allows.
    """
    fleet = load(ROOT / "expected", CHECKERS)
    asked = {probe for host in fleet.hosts.values() for probe in plan(host, CHECKERS, select_checks(CHECKERS))}
    argvs = sorted(probe.argv for probe in asked if isinstance(probe, Command) and probe.sudo)
    return "Defaults:audit !mail_badpass, !mail_no_user\n" + "".join(
        f"audit ALL=(root) NOPASSWD: {' '.join(_words(argv))}\n" for argv in argvs
    )


def _words(argv: tuple[str, ...]) -> Iterator[str]:
    """Write a command for sudoers: with its path, and with what sudoers reads otherwise behind backslashes."""
    yield _PATHS[argv[0]]
    if len(argv) == 1:
        yield '""'  # nothing at all; else sudoers allows any arguments, and iptables-save runs what -M names
    for word in argv[1:]:
        yield re.sub(r"([\\,:= \t*?\[\]!#\"'])", r"\\\1", word)


_PATHS = {
    "cmp": "/usr/bin/cmp",
    "find": "/usr/bin/find",
    "grep": "/bin/grep",
    "iptables-save": "/sbin/iptables-save",
}
"""Where Ubuntu 14.04 has these. Later releases have them in /usr, and links from there."""


def operating(text: str) -> str:
    """Put the sudoers lines into operating.md."""
    return re.sub(r"(?<=```sudoers\n).*?(?=```)", lambda _: sudoers(), text, flags=re.DOTALL)


if __name__ == "__main__":
    CHECKS.write_text(checks(), encoding="utf-8")
    OPERATING.write_text(operating(OPERATING.read_text(encoding="utf-8")), encoding="utf-8")
