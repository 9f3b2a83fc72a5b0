"""`stat [-L] --printf=FORMAT -- FILE...`."""

from __future__ import annotations

from olaudit.demo.commands.formats import fill
from olaudit.demo.commands.output import ProgramOutput, Unsupported
from olaudit.demo.files import FileNode
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
    output = ProgramOutput()
    for path in paths:
        try:
            node = machine.files.node_at(path, follow=follow)
        except OSError as error:
            output.add_error(f"stat: cannot statx '{path}'", error)
        else:
            output.out.append(fill(option.removeprefix(_OPTION), _values(path, node)))
    return output.to_answered()


def _values(path: str, node: FileNode) -> dict[str, str]:
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
