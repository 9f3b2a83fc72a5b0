"""Generator of the documentation that comes from the code: checks.md, and the sudoers lines of operating.md.

`python docs/generate.py` writes both; a test fails if they are not current.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from olaudit.audit import plan, select_checks
from olaudit.checker import AnyChecker
from olaudit.checks import CHECKERS
from olaudit.evaluate import REACHABLE
from olaudit.expected import load
from olaudit.model import Check, Command
from olaudit.waivers import CHECKS as WAIVER_CHECKS

ROOT = Path(__file__).parents[1]
CHECKS = ROOT / "docs" / "checks.md"
OPERATING = ROOT / "docs" / "operating.md"

_HEAD = """\
# Checks

All checks of olaudit. `python docs/generate.py` generates this page from the code. Check ids are stable.
The options `--only` and `--skip` accept check ids and globs.

The severity of a check is the urgency of its drift:

- **critical**: the site is down or loses data, or the next change would cause this. Fix it at once.
- **warning**: the host works, but differs from its expected state, which causes failures later. Fix it by day.
- **info**: for information; it never changes an exit code.

A check of any severity is `unknown`, with the reason, if its probe was not answered. Unknown is never ok.

## Every host

| id | severity | unknown when | fix |
|---|---|---|---|
| `host.reachable` | critical | the host could not be audited | see the finding |
"""

_WAIVERS = """
## The waivers of `expected/waivers.yaml`

Evaluated after all hosts. The findings are about the whole fleet: their host is `(fleet)`.

"""


def checks() -> str:
    """Render checks.md."""
    sections: dict[str, list[AnyChecker]] = {}
    for checker in CHECKERS:
        sections.setdefault(checker.section, []).append(checker)
    assert REACHABLE.id in _HEAD  # noqa: S101 - the only check without a checker
    hosts = "".join(_section(section, checkers) for section, checkers in sections.items())
    return _HEAD + hosts + _WAIVERS + _table(WAIVER_CHECKS)


def _section(section: str, checkers: list[AnyChecker]) -> str:
    collected = "; ".join(dict.fromkeys(checker.collected for checker in checkers))
    checks = [check for checker in checkers for check in checker.checks]
    return f"\n## `{section}:`\n\nSource: {collected}.\n\n{_table(checks)}"


def _table(checks: Iterable[Check]) -> str:
    return "| id | severity | drift when | fix |\n|---|---|---|---|\n" + "".join(map(_row, checks))


def _row(check: Check) -> str:
    return f"| `{check.id}` | {check.severity} | {check.drift_when} | {check.fix} |\n"


def sudoers() -> str:
    """Render the sudoers lines that allow the user `audit` only the root commands of the shipped expected files.

    The sudoers files of Debian and Ubuntu set `mail_badpass`. Without the first line, each audit would mail root
    about each command that is not allowed.
    """
    fleet = load(ROOT / "expected", CHECKERS)
    probes = {probe for host in fleet.hosts.values() for probe in plan(host, CHECKERS, select_checks(CHECKERS))}
    argvs = sorted(probe.argv for probe in probes if isinstance(probe, Command) and probe.sudo)
    return "Defaults:audit !mail_badpass, !mail_no_user\n" + "".join(
        f"audit ALL=(root) NOPASSWD: {' '.join(_escape(argv))}\n" for argv in argvs
    )


def _escape(argv: tuple[str, ...]) -> Iterator[str]:
    """Return the arguments of a command for sudoers: with its path, and with special characters escaped."""
    yield _PATHS[argv[0]]
    if len(argv) == 1:
        # No arguments. Otherwise sudoers allows any, and iptables-save runs the program that -M names.
        yield '""'
    for argument in argv[1:]:
        yield re.sub(r"([\\,:= \t*?\[\]!#\"'])", r"\\\1", argument)


_PATHS = {
    "cmp": "/usr/bin/cmp",
    "find": "/usr/bin/find",
    "grep": "/bin/grep",
    "iptables-save": "/sbin/iptables-save",
}
"""The paths on Ubuntu 14.04. On later releases, these are links into /usr."""


def operating(text: str) -> str:
    """Replace the sudoers lines in operating.md."""
    return re.sub(r"(?<=```sudoers\n).*?(?=```)", lambda _: sudoers(), text, flags=re.DOTALL)


if __name__ == "__main__":
    CHECKS.write_text(checks(), encoding="utf-8")
    OPERATING.write_text(operating(OPERATING.read_text(encoding="utf-8")), encoding="utf-8")
