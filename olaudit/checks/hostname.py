"""host.hostname: the machine calls itself what its expected file says."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from olaudit.checker import Check, Checker
from olaudit.language import Expect
from olaudit.model import Answers, Command, Expectation, Result, Severity, Unanswered

OWN_NAME = Command(("uname", "-n"))
"""Asks the kernel: `hostname` is a package of its own on some releases, `hostnamectl` needs systemd."""


def probes(_spec: Expect[str]) -> tuple[Command, ...]:
    """Ask for the machine's own name."""
    return (OWN_NAME,)


def evaluate(spec: Expect[str], answers: Answers) -> Iterator[Result]:
    """Compare the machine's own name with the accepted ones."""
    expectation = Expectation(check="host.hostname", subject="hostname", at=("hostname",), expected=str(spec))
    answer = answers[OWN_NAME]
    if isinstance(answer, Unanswered):
        yield expectation.unknown(answer.reason)
        return
    name = answer.stdout.removesuffix("\n")
    if not name or not answer.stdout.endswith("\n"):
        yield expectation.unknown(f"uname's answer is not a name: {answer.stdout[:200]!r}")
    elif name in spec.values:
        yield expectation.ok(name)
    else:
        yield expectation.drift(name, f"the machine calls itself {name!r}", _rename(spec.value))


def _rename(name: str) -> str:
    # Without systemd (upstart's Ubuntu 14.04 may lack hostnamectl) the file and the kernel are two steps.
    quoted = shlex.quote(name)
    return f"hostnamectl set-hostname {quoted} || {{ echo {quoted} >/etc/hostname; hostname -F /etc/hostname; }}"


CHECKER = Checker(
    section="hostname",
    model=Expect[str],
    ids=(
        Check(
            "host.hostname",
            Severity.WARNING,
            "the machine calls itself something else",
            "`hostnamectl set-hostname NAME`",
        ),
    ),
    collected="`uname -n`",
    probes=probes,
    evaluate=evaluate,
)
