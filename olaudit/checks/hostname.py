"""host.hostname: the machine's hostname is the expected one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from olaudit.checker import Check, Checker
from olaudit.language import Expect
from olaudit.model import Answers, Command, Expectation, Result, Severity, Unanswered

KERNEL_HOSTNAME = Command(("uname", "-n"))
"""Reads the kernel's hostname: `hostname` may be a separate package, and `hostnamectl` needs systemd."""


def probes(_spec: Expect[str]) -> tuple[Command, ...]:
    """Return the probe for the machine's hostname."""
    return (KERNEL_HOSTNAME,)


def evaluate(spec: Expect[str], answers: Answers) -> Iterator[Result]:
    """Compare the machine's hostname with the accepted ones."""
    expectation = Expectation(check="host.hostname", subject="hostname", at=("hostname",), expected=str(spec))
    answer = answers[KERNEL_HOSTNAME]
    if isinstance(answer, Unanswered):
        yield expectation.unknown(answer.reason)
        return
    name = answer.stdout.removesuffix("\n")
    if not name or not answer.stdout.endswith("\n"):
        yield expectation.unknown(f"cannot parse the output of uname: {answer.stdout[:200]!r}")
    elif name in spec.values:
        yield expectation.ok(name)
    else:
        yield expectation.drift(name, f"the machine's hostname is {name!r}", _fix(spec.value))


def _fix(name: str) -> str:
    # Without systemd (Ubuntu 14.04 with upstart may lack hostnamectl) the file and the kernel are set separately.
    quoted = shlex.quote(name)
    return f"hostnamectl set-hostname {quoted} || {{ echo {quoted} >/etc/hostname; hostname -F /etc/hostname; }}"


CHECKER = Checker(
    section="hostname",
    model=Expect[str],
    checks=(
        Check(
            "host.hostname",
            Severity.WARNING,
            "the machine has another hostname",
            "`hostnamectl set-hostname NAME`",
        ),
    ),
    collected="`uname -n`",
    probes=probes,
    evaluate=evaluate,
)
