"""`stat [-L] --printf=FORMAT -- FILE...`."""

from __future__ import annotations

from olaudit.demo.commands.formats import fill
from olaudit.demo.commands.output import Outcome, Unsupported
from olaudit.demo.files import Node
from olaudit.demo.machine import Machine
from olaudit.model import Answered

_OPTION = "--printf="


def stat(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Describe files."""
    match arguments:
        case ("-L", option, "--", *paths) if option.startswith(_OPTION):
            follow = True
        case (option, "--", *paths) if option.startswith(_OPTION):
            follow = False
        case _:
            raise Unsupported
    said = Outcome()
    for path in paths:
        try:
            node = machine.files.node_at(path, follow=follow)
        except OSError as error:
            said.complain(f"stat: cannot statx '{path}'", error)
        else:
            said.out.append(fill(option.removeprefix(_OPTION), _values(path, node)))
    return said.answer()


def _values(path: str, node: Node) -> dict[str, str]:
    empty = "regular file" if node.text else "regular empty file"
    return {
        "F": {"d": "directory", "f": empty, "l": "symbolic link"}[node.type],
        "U": node.owner.name,
        "u": str(node.owner.id),
        "G": node.group.name,
        "g": str(node.group.id),
        "a": f"{node.mode:o}",
        "n": path,
    }
