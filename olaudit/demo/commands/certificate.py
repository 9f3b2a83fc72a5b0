"""`find -L FOLDER... -depth -maxdepth 2 ( ... -exec openssl x509 ... -in {} ; )`: the expiry of certificates."""

from __future__ import annotations

import posixpath

from olaudit.demo.commands.output import ProgramOutput, Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered

_ALL = ("-depth", "-maxdepth", "2", "(")
_ENDS = ("x509", "-noout", "-enddate", "-in", "{}", ";", ")")


def certificates(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Print path and expiry of each certificate, and a line after the last certificate of a folder."""
    count = arguments.index("-depth") - 1 if "-depth" in arguments else 0
    folders, conditions = arguments[1 : count + 1], arguments[count + 1 :]
    if (
        arguments[0] != "-L"
        or conditions[:4] != _ALL
        or conditions[-len(_ENDS) :] != _ENDS
        or "-name" not in conditions
    ):
        raise Unsupported
    name = conditions[conditions.index("-name") + 1]
    output, files = ProgramOutput(), machine.files
    for folder in folders:
        try:
            names = files.names_in(folder)
        except OSError as error:
            output.add_error(f"find: '{folder}'", error)
            continue
        for path in (posixpath.join(folder, domain, name) for domain in names):
            if files.exists(path):
                output.out += [f"{path}//", files.node_at(path).text]
        output.out.append(f"{folder}//end//")
    return output.to_answered()
