"""host.hostname: the machine's hostname is the expected one."""

import shlex
from collections.abc import Iterator
from functools import partial

from olaudit.checker import Checker
from olaudit.facts.hostname import HOSTNAME
from olaudit.language import Expect
from olaudit.model import Check, Expectation, Facts, Result, Severity

CHECK = Check(
    "host.hostname", Severity.WARNING, "the machine has another hostname", "`hostnamectl set-hostname NAME`"
)


def evaluate(spec: Expect[str], facts: Facts) -> Iterator[Result]:
    """Compare the machine's hostname with the accepted ones."""
    expectation = CHECK.expect("hostname", ("hostname",), str(spec), based_on=(HOSTNAME,))
    yield expectation.evaluate(facts[HOSTNAME], partial(_evaluate, expectation, spec))


def _evaluate(expectation: Expectation, spec: Expect[str], name: str) -> Result:
    if name in spec.values:
        return expectation.ok(name)
    return expectation.drift(name, f"the machine's hostname is {name!r}", _fix(spec.value))


def _fix(name: str) -> str:
    # Without systemd (Ubuntu 14.04 with upstart may lack hostnamectl) the file and the kernel are set separately.
    quoted = shlex.quote(name)
    return f"hostnamectl set-hostname {quoted} || {{ echo {quoted} >/etc/hostname; hostname -F /etc/hostname; }}"


CHECKER = Checker(
    section="hostname",
    model=Expect[str],
    checks=(CHECK,),
    collected="`uname -n`",
    facts=lambda _spec: (HOSTNAME,),
    evaluate=evaluate,
)
