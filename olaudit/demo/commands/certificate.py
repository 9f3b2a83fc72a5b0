"""`find -L FOLDER... -depth -maxdepth 2 ( ... -exec openssl x509 ... -in {} ; )`: its text is its end."""

from __future__ import annotations

import posixpath

from olaudit.demo.commands.output import Outcome, Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered

_ALL = ("-depth", "-maxdepth", "2", "(")
_ENDS = ("x509", "-noout", "-enddate", "-in", "{}", ";", ")")


def certificates(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Print the path of each certificate, and when it ends; after those of a folder, that this was all."""
    count = arguments.index("-depth") - 1 if "-depth" in arguments else 0
    folders, rest = arguments[1 : count + 1], arguments[count + 1 :]
    if arguments[0] != "-L" or rest[:4] != _ALL or rest[-len(_ENDS) :] != _ENDS or "-name" not in rest:
        raise Unsupported
    name = rest[rest.index("-name") + 1]
    said, files = Outcome(), machine.files
    for folder in folders:
        try:
            names = files.names_in(folder)
        except OSError as error:
            said.complain(f"find: '{folder}'", error)
            continue
        for path in (posixpath.join(folder, one, name) for one in names):
            if files.exists(path):
                said.out += [f"{path}//", files.node_at(path).text]
        said.out.append(f"{folder}//end//")
    return said.answer()
