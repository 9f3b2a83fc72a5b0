"""host.hostname: the machine calls itself what its expected file says."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from olaudit.kind import CheckId, Kind
from olaudit.language import Expect
from olaudit.model import Answers, Judgement, Question, Severity, Shell, Unanswered

OWN_NAME = Shell(("uname", "-n"))
"""Asks the kernel: `hostname` is a package of its own on some releases, `hostnamectl` needs systemd."""


def probes(_spec: Expect[str]) -> tuple[Shell, ...]:
    """Ask for the machine's own name."""
    return (OWN_NAME,)


def judge(spec: Expect[str], answers: Answers) -> Iterator[Judgement]:
    """Compare the machine's own name with the accepted ones."""
    question = Question(check="host.hostname", subject="hostname", at=("hostname",), expected=str(spec))
    answer = answers[OWN_NAME]
    if isinstance(answer, Unanswered):
        yield question.unknown(answer.reason)
        return
    name = answer.stdout.removesuffix("\n")
    if not name or not answer.stdout.endswith("\n"):
        yield question.unknown(f"uname's answer is not a name: {answer.stdout[:200]!r}")
    elif name in spec.values:
        yield question.ok(name)
    else:
        yield question.drift(name, f"the machine calls itself {name!r}", _rename(spec.value))


def _rename(name: str) -> str:
    # Without systemd (upstart's Ubuntu 14.04 may lack hostnamectl) the file and the kernel are two steps.
    quoted = shlex.quote(name)
    return f"hostnamectl set-hostname {quoted} || {{ echo {quoted} >/etc/hostname; hostname -F /etc/hostname; }}"


KIND = Kind(
    section="hostname",
    model=Expect[str],
    ids=(
        CheckId(
            "host.hostname",
            Severity.WARNING,
            "the machine calls itself something else",
            "`hostnamectl set-hostname NAME`",
        ),
    ),
    collected="`uname -n`",
    probes=probes,
    judge=judge,
)
