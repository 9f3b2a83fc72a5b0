"""The two scripts that compare the tree of a deploy with its links or copies in /etc."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterator
from fnmatch import fnmatchcase

from olaudit.demo.commands.output import Unsupported
from olaudit.demo.files import Files
from olaudit.demo.machine import Machine
from olaudit.model import Answered


def farm(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Describe what exists at the place of each file of a farm that is not linked."""
    source, into, *excluded = arguments
    files = machine.files
    if error := _cannot_enter(files, source):
        return error
    output, same = "", 0
    names = [name for name in _below(files, source) if not _is_excluded(name, excluded[1::4])]
    for name in names:
        state, why = _place(files, posixpath.join(source, name), into, name)
        same += state == "same"
        output += "" if state == "same" else f"{state} {name}//{why}//\n"
    return Answered(f"{output}same {same}//\nend//\n" if names else "end//\n")


def cron(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Describe whether each of cron's files is in its place, and its owner there."""
    source, into = arguments
    files = machine.files
    if error := _cannot_enter(files, source):
        return error
    output = ""
    for name in _below(files, source):
        if "/" in name or name.startswith("."):
            continue
        place = posixpath.join(into, name)
        state, why = _place(files, posixpath.join(source, name), into, name)
        if state in ("same", "leads", "under"):
            state, why = _compared(files, posixpath.join(source, name), place), ""
        state = "absent" if state == "dangling" else state
        output += f"{state} {name}//{why}//{_rights(files, place)}//\n"
    return Answered(f"{output}end//\n")


def _cannot_enter(files: Files, folder: str) -> Answered | None:
    if files.exists(folder):
        return None
    return Answered("", f"sh: 2: cd: can't cd to {folder}", 1)


def _below(files: Files, folder: str) -> Iterator[str]:
    """Yield the names of all files of a tree, without directories."""
    real = files.resolve(folder)
    for path, node in files.nodes.items():
        if path.startswith(f"{real}/") and node.type != "d":
            yield path.removeprefix(f"{real}/")


def _is_excluded(name: str, globs: list[str]) -> bool:
    parts = name.split("/")
    prefixes = ["/".join((".", *parts[: count + 1])) for count in range(len(parts))]
    return any(fnmatchcase(prefix, glob) for glob in globs for prefix in prefixes)


def _place(files: Files, source: str, into: str, name: str) -> tuple[str, str]:
    place = posixpath.join(into, name)
    is_link = _is_link(files, place)
    try:
        end = files.resolve(place)
    except OSError as error:
        return "dangling" if is_link else "absent", str(error.strerror)
    if files.exists(source) and end == files.resolve(source):
        return "same", ""
    if is_link or end != posixpath.join(files.resolve(into), name):
        return "leads" if is_link else "under", end
    return ("special", "directory") if files.node_at(end).type == "d" else (_compared(files, source, place), "")


def _is_link(files: Files, path: str) -> bool:
    try:
        return files.node_at(path, follow=False).type == "l"
    except OSError:
        return False


def _compared(files: Files, source: str, place: str) -> str:
    node = files.node_at(place)
    if node.type != "f":
        raise Unsupported
    return "equal" if files.node_at(source).text == node.text else "differs"


def _rights(files: Files, place: str) -> str:
    """Return owner and mode of the file and owner of its link, each if it exists."""
    output = ""
    with contextlib.suppress(OSError):
        output = f"{files.node_at(place).owner.id} {files.node_at(place).mode:o} "
    with contextlib.suppress(OSError):
        output += f"{files.node_at(place, follow=False).owner.id}"
    return output
