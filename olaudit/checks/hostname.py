"""host.hostname: the machine's hostname is the expected one."""

import shlex
from collections.abc import Iterator

from olaudit.checker import Checker
from olaudit.facts.hostname import HOSTNAME
from olaudit.language import Expect
from olaudit.model import Check, Facts, Result, Severity

CHECK = Check(
    "host.hostname", Severity.WARNING, "the machine has another hostname", "`hostnamectl set-hostname NAME`"
)


def evaluate(spec: Expect[str], facts: Facts) -> Iterator[Result]:
    """Compare the machine's hostname with the accepted ones."""
    expectation = CHECK.expect("hostname", ("hostname",), str(spec), based_on=(HOSTNAME,))
    quoted = shlex.quote(spec.value)
    # Without systemd (Ubuntu 14.04 with upstart may lack hostnamectl) the file and the kernel are set separately.
    fix = f"hostnamectl set-hostname {quoted} || {{ echo {quoted} >/etc/hostname; hostname -F /etc/hostname; }}"

    def observe(name: str) -> tuple[str, str]:
        return name, "" if name in spec.values else f"the machine's hostname is {name!r}"

    yield expectation.compare(facts[HOSTNAME], observe, fix)


CHECKER = Checker(
    section="hostname",
    model=Expect[str],
    checks=(CHECK,),
    collected="`uname -n`",
    facts=lambda _spec: (HOSTNAME,),
    evaluate=evaluate,
)
