r"""`dpkg-query --show --showformat='${Package}\t${Version}\t${Status}\n' NAME...`."""

from __future__ import annotations

from olaudit.demo.commands.output import ProgramOutput, Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered

_FORMAT = r"--showformat=${Package}\t${Version}\t${Status}\n"


def dpkg_query(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """List the named packages that are installed; report the others as not found."""
    match arguments:
        case ("--show", format_, *names) if format_ == _FORMAT and names:
            pass
        case _:
            raise Unsupported
    output = ProgramOutput()
    packages = {"dpkg": "1.21.22", **machine.packages}
    for name in sorted(names):
        if name in packages:
            output.out.append(f"{name}\t{packages[name]}\tinstall ok installed\n")
        else:
            output.err.append(f"dpkg-query: no packages found matching {name}")
    return output.to_answered()
