"""`grep` as two kinds of check use it: words in all files below folders, and a file by its name, whole."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from olaudit.demo.commands.output import Outcome, Unsupported
from olaudit.demo.files import Files, Node
from olaudit.demo.machine import Machine
from olaudit.model import Answered

_MATCHES = 20
_WORDS = ("-r", "-I", "-i", "-w", "-F", "-o", "-n", "-H", "-Z", "-m", str(_MATCHES))
_WHOLE = ("-a", "-R", "-H", "-Z")
_INCLUDE = "--include="

_Select = Callable[[str, str], list[str]]


def grep(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Print what is found, each file's name set apart by NUL."""
    if "--" not in arguments:
        raise Unsupported
    end = arguments.index("--")
    options, starts = arguments[:end], arguments[end + 1 :]
    match options:
        case (*most, include, "-e", "^") if tuple(most) == _WHOLE and include.startswith(_INCLUDE):
            name = include.removeprefix(_INCLUDE)
            return _search(machine.files, starts, lambda path, text: _whole(path, text, name), follow=True)
        case _ if options[: len(_WORDS)] == _WORDS and set(options[len(_WORDS) :: 2]) == {"-e"}:
            words = "|".join(map(re.escape, options[len(_WORDS) + 1 :: 2]))
            pattern = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)
            return _search(machine.files, starts, lambda path, text: _words(path, text, pattern), follow=False)
    raise Unsupported


def _whole(path: str, text: str, name: str) -> list[str]:
    """Give all lines of a file that is called `name`."""
    return [f"{path}\0{line}\n" for line in text.splitlines()] if posixpath.basename(path) == name else []


def _words(path: str, text: str, pattern: re.Pattern[str]) -> list[str]:
    """Give what matches in the first lines that have a match, with their numbers."""
    found = [(number, pattern.findall(line)) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, words) for number, words in found if words][:_MATCHES]
    return [f"{path}\0{number}:{word}\n" for number, words in lines for word in words]


def _search(files: Files, starts: Sequence[str], select: _Select, *, follow: bool) -> Answered:
    """Search all files below `starts`; 2 if that was not possible, else 1 if nothing was found."""
    said = Outcome()
    for start in starts:
        try:
            for path, node in _below(files, start, files.node_at(start), follow=follow):
                said.out += select(path, node.text)
        except OSError as error:
            said.complain(f"grep: {start}", error)
    answer = said.answer()
    return replace(answer, status=2 if answer.stderr else int(not answer.stdout))


def _below(files: Files, path: str, node: Node, *, follow: bool) -> Iterator[tuple[str, Node]]:
    """Give all files below, links among them only if they are followed."""
    if node.type == "f":
        yield path, node
    for name in files.names_in(path) if node.type == "d" else ():
        inner = posixpath.join(path, name)
        if follow or files.node_at(inner, follow=False).type != "l":
            yield from _below(files, inner, files.node_at(inner), follow=follow)
