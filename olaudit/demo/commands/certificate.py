"""`find -L FOLDER... -name NAME -printf FORMAT -exec openssl x509 ... -in {} ;`: its text is its end."""

from __future__ import annotations

import posixpath

from olaudit.demo.commands.outcome import Outcome, Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered

_DEPTH = ["-mindepth", "2", "-maxdepth", "2", "-name"]
_PRINTS = ["-printf", "%p//", "-exec"]
_ENDS = ["x509", "-noout", "-enddate", "-in", "{}", ";"]


def certificates(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Print the path of each certificate, and when it ends."""
    match arguments:
        case ("-L", *folders, d1, d2, d3, d4, d5, name, p1, p2, p3, _, o1, o2, o3, o4, o5, o6) if (
            [d1, d2, d3, d4, d5] == _DEPTH and [p1, p2, p3] == _PRINTS and [o1, o2, o3, o4, o5, o6] == _ENDS
        ):
            pass
        case _:
            raise Unsupported
    said, files = Outcome(), machine.files
    for folder in folders:
        try:
            names = files.inside(folder)
        except OSError as error:
            said.complain(f"find: '{folder}'", error)
            continue
        for path in (posixpath.join(folder, one, name) for one in names):
            if files.there(path):
                said.out += [f"{path}//", files.look(path).text]
    return said.answer()
