"""`find [-L] FOLDER... [-mindepth N] [-maxdepth N] [[!] -name GLOB]... -printf FORMAT`."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from olaudit.demo.commands.certificate import certificates
from olaudit.demo.commands.formats import fill
from olaudit.demo.commands.output import Outcome, Unsupported
from olaudit.demo.files import NO_NAME, Account, Files
from olaudit.demo.machine import Machine
from olaudit.model import Answered


@dataclass(slots=True)
class _Wanted:
    """A command line of find's, understood. `end` is a folder, and what is printed of it after its entries."""

    follow: bool
    starts: list[str] = field(default_factory=list)
    least: int = 0
    most: int = 1
    names: list[tuple[str, bool]] = field(default_factory=list)
    template: str = ""
    end: tuple[str, str] | None = None

    def admits(self, path: str) -> bool:
        """Say whether all tests of the name hold."""
        name = posixpath.basename(path)
        return all(fnmatchcase(name, glob) is wanted for glob, wanted in self.names)


def find(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Print what is found."""
    if "-exec" in arguments:
        return certificates(machine, arguments)
    wanted = _understand(arguments)
    said = Outcome()
    for start in wanted.starts:
        try:
            machine.files.node_at(start, follow=False)
        except OSError as error:
            said.complain(f"find: '{start}'", error)
            continue
        for path in _walk(machine.files, start, wanted):
            if wanted.admits(path):
                said.out.append(fill(wanted.template, _values(machine.files, path, follow=wanted.follow)))
        if wanted.end and wanted.end[0] == start:
            said.out.append(fill(wanted.end[1], {}))
    return said.answer()


def _understand(arguments: tuple[str, ...]) -> _Wanted:
    words = [word for word in reversed(arguments) if word not in ("-depth", "(", ")", "-o")]
    wanted = _Wanted(follow=words[-1] == "-L" and bool(words.pop()))
    negated = False
    while words:
        word = words.pop()
        match word:
            case "!":
                negated = True
            case "-mindepth":
                wanted.least = int(words.pop())
            case "-maxdepth":
                wanted.most = int(words.pop())
            case "-name":
                wanted.names.append((words.pop(), not negated))
                negated = False
            case "-path":
                wanted.end = words.pop(), (words.pop(), words.pop())[1]
            case "-printf":
                wanted.template = words.pop()
            case _ if word.startswith("-"):
                raise Unsupported
            case _:
                wanted.starts.append(word)
    wanted.least = 1 if wanted.end else wanted.least
    if wanted.most > 1 or not wanted.template:
        raise Unsupported
    return wanted


def _walk(files: Files, start: str, wanted: _Wanted) -> Iterator[str]:
    if wanted.least == 0:
        yield start
    if wanted.most == 1 and _type(files, start, follow=wanted.follow) == "d":
        yield from (posixpath.join(start, name) for name in files.names_in(start))


def _type(files: Files, path: str, *, follow: bool) -> str:
    """Give find's letter; of a link that is followed to nothing, that of the link."""
    return files.node_at(path, follow=follow and files.exists(path)).type


def _values(files: Files, path: str, *, follow: bool) -> dict[str, str]:
    node = files.node_at(path, follow=follow and files.exists(path))
    return {
        "y": node.type,
        "Y": _end(files, path),
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
    """Give the name; of an id that nobody has (where stat says UNKNOWN), the id."""
    return str(account.id) if account.name == NO_NAME else account.name


def _end(files: Files, path: str) -> str:
    """Give the letter of what a link leads to: N for nothing, L for itself."""
    try:
        return files.node_at(path).type
    except OSError as error:
        return "L" if "symbolic links" in (error.strerror or "") else "N"
