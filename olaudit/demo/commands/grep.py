"""`grep` as two checkers use it: words in all files below folders, and all lines of a file with a given name."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from olaudit.demo.commands.output import ProgramOutput, Unsupported
from olaudit.demo.files import FileNode, Files
from olaudit.demo.machine import Machine
from olaudit.model import Answered

_MATCHES = 20
_WORD_OPTIONS = ("-r", "-I", "-i", "-w", "-F", "-o", "-n", "-H", "-Z", "-m", str(_MATCHES))
_FILE_OPTIONS = ("-a", "-R", "-H", "-Z")
_INCLUDE = "--include="

_Select = Callable[[str, str], list[str]]


def grep(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Print matches; a NUL byte follows each file name."""
    if "--" not in arguments:
        raise Unsupported
    end = arguments.index("--")
    options, starts = arguments[:end], arguments[end + 1 :]
    match options:
        case (*most, include, "-e", "^") if tuple(most) == _FILE_OPTIONS and include.startswith(_INCLUDE):
            name = include.removeprefix(_INCLUDE)
            return _search(machine.files, starts, lambda path, text: _all_lines(path, text, name), follow=True)
        case _ if options[: len(_WORD_OPTIONS)] == _WORD_OPTIONS and set(options[len(_WORD_OPTIONS) :: 2]) == {
            "-e"
        }:
            alternatives = "|".join(map(re.escape, options[len(_WORD_OPTIONS) + 1 :: 2]))
            pattern = re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE)
            return _search(machine.files, starts, lambda path, text: _matches(path, text, pattern), follow=False)
    raise Unsupported


def _all_lines(path: str, text: str, name: str) -> list[str]:
    """Return all lines of a file named `name`."""
    return [f"{path}\0{line}\n" for line in text.splitlines()] if posixpath.basename(path) == name else []


def _matches(path: str, text: str, pattern: re.Pattern[str]) -> list[str]:
    """Return the matches of the first matching lines, with line numbers."""
    lines = [(number, pattern.findall(line)) for number, line in enumerate(text.splitlines(), 1)]
    matching = [(number, matches) for number, matches in lines if matches][:_MATCHES]
    return [f"{path}\0{number}:{match}\n" for number, matches in matching for match in matches]


def _search(files: Files, starts: Sequence[str], select: _Select, *, follow: bool) -> Answered:
    """Search all files below `starts`. Status 2: a start could not be read; 1: no match."""
    output = ProgramOutput()
    for start in starts:
        try:
            for path, node in _below(files, start, files.node_at(start), follow=follow):
                output.out += select(path, node.text)
        except OSError as error:
            output.add_error(f"grep: {start}", error)
    answer = output.to_answered()
    return replace(answer, status=2 if answer.stderr else int(not answer.stdout))


def _below(files: Files, path: str, node: FileNode, *, follow: bool) -> Iterator[tuple[str, FileNode]]:
    """Yield all files below `path`, links only if they are followed."""
    if node.type == "f":
        yield path, node
    for name in files.names_in(path) if node.type == "d" else ():
        inner = posixpath.join(path, name)
        if follow or files.node_at(inner, follow=False).type != "l":
            yield from _below(files, inner, files.node_at(inner), follow=follow)
