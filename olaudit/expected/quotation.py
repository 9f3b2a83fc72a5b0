"""Quotation of an expected file: the lines of a value, of its parent keys, and of their comments.

Comments state why a value is expected; they are quoted unchanged.
"""

from collections.abc import Iterator, Sequence

_MAX_LINES = 12  # lines of one comment, and of one value

Quotation = tuple[tuple[int, str], ...]
"""Lines with their numbers, which count from 1, in the order of the file. Lines can be omitted."""


def quote(text: str, line: int) -> Quotation:
    """Quote the value at `line` with its children, its parent keys, and the comments directly above each.

    Empty if the line does not exist.
    """
    lines = text.splitlines()
    if not 1 <= line <= len(lines):
        return ()
    first = line - 1
    quoted = set(_value_lines(lines, first))
    for index in (first, *_parent_lines(lines, first)):
        quoted |= {index, *_comment_lines(lines, index)}
    return tuple((index + 1, lines[index]) for index in sorted(quoted))


def _value_lines(lines: Sequence[str], first: int) -> Iterator[int]:
    """Yield the indexes of the lines of a value: the first one, and the deeper ones that follow without a gap."""
    yield first
    for index in range(first + 1, min(first + _MAX_LINES, len(lines))):
        line = lines[index]
        deeper = _indent(line) > _indent(lines[first])
        if not line.strip() or not (deeper or (_is_comment(line) and _is_comment(lines[first]))):
            return
        yield index


def _comment_lines(lines: Sequence[str], below: int) -> Iterator[int]:
    """Yield the indexes of the comment lines directly above the line `below`."""
    for index in range(below - 1, max(below - 1 - _MAX_LINES, -1), -1):
        if not _is_comment(lines[index]):
            return
        yield index


def _parent_lines(lines: Sequence[str], child: int) -> Iterator[int]:
    """Yield the indexes of the keys and list items that contain the line `child`, the innermost first."""
    for index in range(child - 1, -1, -1):
        if not lines[index].strip() or _is_comment(lines[index]):
            continue
        difference = _indent(lines[index]) - _indent(lines[child])
        # a list can follow its key without indentation
        if difference < 0 or (difference == 0 and _is_item(lines[child]) and not _is_item(lines[index])):
            yield index
            child = index


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _is_item(line: str) -> bool:
    return line.lstrip().startswith("- ")
