"""`find [-L] FOLDER... [-mindepth N] [-maxdepth N] [[!] -name GLOB]... -printf FORMAT`."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from olaudit.demo.commands.certificate import certificates
from olaudit.demo.commands.formats import fill
from olaudit.demo.commands.output import ProgramOutput, Unsupported
from olaudit.demo.files import NO_NAME, Account, Files
from olaudit.demo.machine import Machine
from olaudit.model import Answered


@dataclass(slots=True)
class _FindCommand:
    """A parsed command line of find. `end` is a folder and the format of a line printed after its entries."""

    follow: bool
    starts: list[str] = field(default_factory=list)
    min_depth: int = 0
    max_depth: int = 1
    names: list[tuple[str, bool]] = field(default_factory=list)
    template: str = ""
    end: tuple[str, str] | None = None

    def admits(self, path: str) -> bool:
        """Return whether all tests of the name hold."""
        name = posixpath.basename(path)
        return all(fnmatchcase(name, glob) is expected for glob, expected in self.names)


def find(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Print the matching paths."""
    if "-exec" in arguments:
        return certificates(machine, arguments)
    command = _parse_command(arguments)
    output = ProgramOutput()
    for start in command.starts:
        try:
            machine.files.node_at(start, follow=False)
        except OSError as error:
            output.add_error(f"find: '{start}'", error)
            continue
        for path in _walk(machine.files, start, command):
            if command.admits(path):
                output.out.append(fill(command.template, _values(machine.files, path, follow=command.follow)))
        if command.end and command.end[0] == start:
            output.out.append(fill(command.end[1], {}))
    return output.to_answered()


def _parse_command(arguments: tuple[str, ...]) -> _FindCommand:
    pending = [argument for argument in reversed(arguments) if argument not in ("-depth", "(", ")", "-o")]
    command = _FindCommand(follow=pending[-1] == "-L" and bool(pending.pop()))
    negated = False
    while pending:
        argument = pending.pop()
        match argument:
            case "!":
                negated = True
            case "-mindepth":
                command.min_depth = int(pending.pop())
            case "-maxdepth":
                command.max_depth = int(pending.pop())
            case "-name":
                command.names.append((pending.pop(), not negated))
                negated = False
            case "-path":
                command.end = pending.pop(), (pending.pop(), pending.pop())[1]
            case "-printf":
                command.template = pending.pop()
            case _ if argument.startswith("-"):
                raise Unsupported
            case _:
                command.starts.append(argument)
    command.min_depth = 1 if command.end else command.min_depth
    if command.max_depth > 1 or not command.template:
        raise Unsupported
    return command


def _walk(files: Files, start: str, command: _FindCommand) -> Iterator[str]:
    if command.min_depth == 0:
        yield start
    if command.max_depth == 1 and _type(files, start, follow=command.follow) == "d":
        yield from (posixpath.join(start, name) for name in files.names_in(start))


def _type(files: Files, path: str, *, follow: bool) -> str:
    """Return find's type letter; for a dangling link that of the link itself."""
    return files.node_at(path, follow=follow and files.exists(path)).type


def _values(files: Files, path: str, *, follow: bool) -> dict[str, str]:
    node = files.node_at(path, follow=follow and files.exists(path))
    return {
        "y": node.type,
        "Y": _target_type(files, path),
        "p": path,
        "f": posixpath.basename(path),
        "l": node.text if node.type == "l" else "",
        "u": _name(node.owner),
        "U": str(node.owner.id),
        "g": _name(node.group),
        "G": str(node.group.id),
        "m": f"{node.mode:o}",
    }


def _name(account: Account) -> str:
    """Return the account name, or the id where no account exists (stat prints UNKNOWN there)."""
    return str(account.id) if account.name == NO_NAME else account.name


def _target_type(files: Files, path: str) -> str:
    """Return the type letter of a link's target: N where it does not exist, L for a loop."""
    try:
        return files.node_at(path).type
    except OSError as error:
        return "L" if "symbolic links" in (error.strerror or "") else "N"
