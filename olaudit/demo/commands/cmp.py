"""`cmp -- FILE FILE`."""

from __future__ import annotations

from itertools import takewhile

from olaudit.demo.commands.output import Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered


def cmp(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Say where two files begin to differ, or, of files that are no text, what is wrong with them."""
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
    one, other = texts
    if one == other:
        return Answered("")
    same = one[: sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))]
    line = same.count("\n") + 1
    if same not in (one, other):
        return Answered(f"{paths[0]} {paths[1]} differ: char {len(same) + 1}, line {line}\n", "", 1)
    raise Unsupported  # how the end of one file is put differs between releases
