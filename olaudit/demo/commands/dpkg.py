r"""`dpkg-query --show --showformat='${Package}\t${Version}\t${Status}\n' NAME...`."""

from __future__ import annotations

from olaudit.demo.commands.output import Outcome, Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered

_FORMAT = r"--showformat=${Package}\t${Version}\t${Status}\n"


def dpkg_query(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """List the named packages that are installed; dpkg has never heard of any others."""
    match arguments:
        case ("--show", format_, *names) if format_ == _FORMAT and names:
            pass
        case _:
            raise Unsupported
    said = Outcome()
    packages = {"dpkg": "1.21.22", **machine.packages}
    for name in sorted(names):
        if name in packages:
            said.out.append(f"{name}\t{packages[name]}\tinstall ok installed\n")
        else:
            said.err.append(f"dpkg-query: no packages found matching {name}")
    return said.answer()
