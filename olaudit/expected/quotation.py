"""The lines of an expected file around one of its values: the value, what it belongs to, and the comments on it.

Comments say why something is expected, in the words of whoever wrote it; so they are quoted, never retold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_LONGEST = 12  # lines of one comment, and of one value: what is longer is better read in the file

Quotation = tuple[tuple[int, str], ...]
"""Lines with their numbers, counted from 1, in the file's order. Where numbers skip, lines were left out."""


def quote(text: str, line: int) -> Quotation:
    """Quote what stands at `line` with all below it, the keys it lies under, and the comments right above each.

    Empty if there is no such line.
    """
    lines = text.splitlines()
    if not 1 <= line <= len(lines):
        return ()
    here = line - 1
    kept = set(_value(lines, here))
    for at in (here, *_parents(lines, here)):
        kept |= {at, *_comment(lines, at)}
    return tuple((at + 1, lines[at]) for at in sorted(kept))


def _value(lines: Sequence[str], here: int) -> Iterator[int]:
    """Give the lines of a value: its first, and the deeper ones that follow without a gap."""
    yield here
    for at in range(here + 1, min(here + _LONGEST, len(lines))):
        deeper = _indent(lines[at]) > _indent(lines[here])
        if not lines[at].strip() or not (deeper or (_is_comment(lines[at]) and _is_comment(lines[here]))):
            return
        yield at


def _comment(lines: Sequence[str], here: int) -> Iterator[int]:
    """Give the comment lines right above."""
    for at in range(here - 1, max(here - 1 - _LONGEST, -1), -1):
        if not _is_comment(lines[at]):
            return
        yield at


def _parents(lines: Sequence[str], here: int) -> Iterator[int]:
    """Give the lines of the keys, and the list items, that this line lies under; the nearest first."""
    for at in range(here - 1, -1, -1):
        if not lines[at].strip() or _is_comment(lines[at]):
            continue
        less = _indent(lines[at]) - _indent(lines[here])
        # a list may stand under its key without being indented
        if less < 0 or (less == 0 and _is_item(lines[here]) and not _is_item(lines[at])):
            yield at
            here = at


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _is_item(line: str) -> bool:
    return line.lstrip().startswith("- ")
