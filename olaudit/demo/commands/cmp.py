"""`cmp -- FILE FILE`."""

from __future__ import annotations

from itertools import takewhile

from olaudit.demo.commands.output import Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered


def cmp(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Print where two files begin to differ, or the error of a file that cannot be read."""
    match arguments:
        case ("--", *paths) if len(paths) == 2:
            pass
        case _:
            raise Unsupported
    texts = []
    for path in paths:
        try:
            node = machine.files.node_at(path)
        except OSError as error:
            return Answered("", f"cmp: {path}: {error.strerror}", 2)
        if node.type == "d":
            return Answered("", f"cmp: {path}: Is a directory", 2)
        texts.append(node.text)
    return _compare(paths, texts)


def _compare(paths: list[str], texts: list[str]) -> Answered:
    left, right = texts
    if left == right:
        return Answered("")
    same = left[: sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))]
    line = same.count("\n") + 1
    if same not in (left, right):
        return Answered(f"{paths[0]} {paths[1]} differ: char {len(same) + 1}, line {line}\n", "", 1)
    raise Unsupported  # the message about the end of a file differs between releases
