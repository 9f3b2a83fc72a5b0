"""The hostname of the machine."""

from olaudit.facts.answers import unparsable
from olaudit.model import Answered, Command, Fact, Unknown


def _parse(answer: Answered) -> str | Unknown:
    name = answer.stdout.removesuffix("\n")
    return name if name and answer.stdout.endswith("\n") else unparsable("uname", answer)


HOSTNAME = Fact("hostname", Command(("uname", "-n")), _parse)
"""Reads the kernel's hostname: `hostname` may be a separate package, and `hostnamectl` needs systemd."""
