"""`head -c BYTES [--] FILE`."""

from __future__ import annotations

import errno
import os

from olaudit.demo.commands.output import ProgramOutput, Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered


def head(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Print the beginning of a file."""
    match arguments:
        case ("-c", size, "--", path) | ("-c", size, path):
            pass
        case _:
            raise Unsupported
    output = ProgramOutput()
    try:
        node = machine.files.node_at(path)
    except OSError as error:
        output.add_error(f"head: cannot open '{path}' for reading", error)
    else:
        if node.type == "d":
            output.add_error(f"head: error reading '{path}'", OSError(errno.EISDIR, os.strerror(errno.EISDIR)))
        output.out.append(node.text.encode()[: int(size)].decode(errors="replace"))
    return output.to_answered()
