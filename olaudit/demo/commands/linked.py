"""The two scripts that compare a tree of a deploy with what is in its place in /etc."""

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
    """Say what is in the place of each file of a farm, but for those that are linked."""
    source, into, *left_out = arguments
    files = machine.files
    if refused := _cannot_enter(files, source):
        return refused
    said, same = "", 0
    names = [name for name in _below(files, source) if not _is_left_out(name, left_out[1::4])]
    for name in names:
        state, why = _place(files, posixpath.join(source, name), into, name)
        same += state == "same"
        said += "" if state == "same" else f"{state} {name}//{why}//\n"
    return Answered(f"{said}same {same}//\nend//\n" if names else "end//\n")


def cron(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Say whether each file of cron's is where it belongs, and whose it is there."""
    source, into = arguments
    files = machine.files
    if refused := _cannot_enter(files, source):
        return refused
    said = ""
    for name in _below(files, source):
        if "/" in name or name.startswith("."):
            continue
        place = posixpath.join(into, name)
        state, why = _place(files, posixpath.join(source, name), into, name)
        if state in ("same", "leads", "under"):
            state, why = _compared(files, posixpath.join(source, name), place), ""
        state = "absent" if state == "dangling" else state
        said += f"{state} {name}//{why}//{_rights(files, place)}//\n"
    return Answered(f"{said}end//\n")


def _cannot_enter(files: Files, folder: str) -> Answered | None:
    if files.exists(folder):
        return None
    return Answered("", f"sh: 2: cd: can't cd to {folder}", 1)


def _below(files: Files, folder: str) -> Iterator[str]:
    """List the names of all files in a tree that are no directories."""
    real = files.resolve(folder)
    for path, node in files.nodes.items():
        if path.startswith(f"{real}/") and node.type != "d":
            yield path.removeprefix(f"{real}/")


def _is_left_out(name: str, globs: list[str]) -> bool:
    parts = name.split("/")
    heads = ["/".join((".", *parts[: count + 1])) for count in range(len(parts))]
    return any(fnmatchcase(head, glob) for glob in globs for head in heads)


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
    there = files.node_at(place)
    if there.type != "f":
        raise Unsupported
    return "equal" if files.node_at(source).text == there.text else "differs"


def _rights(files: Files, place: str) -> str:
    """Give owner and mode of the file and owner of its link, as far as there is either."""
    said = ""
    with contextlib.suppress(OSError):
        said = f"{files.node_at(place).owner.id} {files.node_at(place).mode:o} "
    with contextlib.suppress(OSError):
        said += f"{files.node_at(place, follow=False).owner.id}"
    return said
