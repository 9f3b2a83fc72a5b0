"""What parsers of answers share: the wording of errors, absent files, lines, JSON of unknown form. Total."""

import json
import re
from collections.abc import Sequence
from typing import Final

from olaudit.model import Answered, Unknown

_ABSENT = ("No such file or directory", "Not a directory")
_MAX_EXCERPT = 200  # characters of an answer in a reason
_MAX_TEXT = 4096  # characters: the longest path; Docker returns no longer text
_MAX_COUNT = 1 << 63  # counts are 64 bits wide

ABSENT: Final = object()
"""The value at a path of a JSON document that does not exist; JSON's null is None."""


def is_absent(error: str) -> bool:
    """Return whether a line of standard error means that the path does not exist."""
    return error.rstrip().endswith(_ABSENT)


def has_no_target(error: str) -> bool:
    """Return whether a line of standard error means that the path, or the target of a link, does not exist."""
    return is_absent(error) or error.rstrip().endswith("Too many levels of symbolic links")


def first_line(stderr: str) -> str:
    """Return the first line of standard error."""
    return stderr.strip().partition("\n")[0]


def error_lines(stderr: str) -> list[str]:
    """Return the lines of standard error that are not blank."""
    return [line for line in stderr.split("\n") if line.strip()]


def pair_errors(paths: Sequence[str], stderr: str) -> dict[str, Unknown | None] | None:
    """Pair the paths that a program could not read with its error lines, which have the same order.

    A path that does not exist has None. The result is None if there are more or fewer lines than paths. The names
    in the lines are not compared, because their quoting differs by release.
    """
    lines = error_lines(stderr)
    if len(lines) != len(paths):
        return None
    errors = (None if is_absent(line) else Unknown(error_of(line)) for line in lines)
    return dict(zip(paths, errors, strict=True))


def match_lines(pattern: re.Pattern[str], text: str, end: str = "\n") -> list[re.Match[str]] | None:
    """Match each line of `text`, all of which end with `end`; None if one does not match, or has no end."""
    *lines, remainder = text.split(end)
    matches = [match for line in lines if (match := pattern.fullmatch(line))]
    return None if remainder or len(matches) != len(lines) else matches


def parse_processes(pattern: re.Pattern[str], answer: Answered) -> list[tuple[str, ...]] | Unknown:
    """Parse rows of `ps` that begin with a process id. A list without process 1 is incomplete: see hidepid."""
    rows = match_lines(pattern, answer.stdout)
    if rows is None:
        return unparsable("ps", answer)
    if not any(row[1] == "1" for row in rows):
        return Unknown(first_line(answer.stderr) or "ps does not show the processes of other users")
    return [row.groups() for row in rows]


def parse_records(answer: Answered) -> list[list[str]] | None:
    """Parse the output of a script that describes files: records of fields that end with "//" each.

    A record ends with a line break. The last one is "end"; it may be missing if the status is not 0. No path that
    `find` or `readlink` prints contains "//", so no name can imitate a record. None if the output is malformed.
    """
    *records, remainder = answer.stdout.split("//\n")
    if remainder or (answer.status == 0 and (not records or records.pop() != "end")):
        return None
    return [record.split("//") for record in records]


def incompleteness(answer: Answered) -> Unknown | None:
    """Return why a script that describes files could not read all of them: its first error; None if it could."""
    if not answer.status and not answer.stderr:
        return None
    return Unknown(first_line(answer.stderr) or f"status {answer.status}")


def error_of(stderr: str) -> str:
    """Return the last part of an error message, without the names of the program and of the file."""
    return stderr.strip().rpartition(": ")[2]


def unparsable(program: str, answer: Answered) -> Unknown:
    """Describe an answer that could not be parsed by its standard error, else by its beginning."""
    excerpt = (answer.stderr or answer.stdout)[:_MAX_EXCERPT]
    return Unknown(f"cannot parse the output of {program}: {excerpt!r}")


def parse_json(answer: Answered) -> object:
    """Parse an answer that should be JSON; None if it is not. JSON of any form is returned."""
    try:
        document: object = json.loads(answer.stdout)
    except (ValueError, RecursionError):
        return None
    return document


def value_at(document: object, *path: str) -> object:
    """Return the value at a path of keys in nested objects, or `ABSENT` if the path does not exist."""
    for key in path:
        document = document.get(key, ABSENT) if isinstance(document, dict) else ABSENT
    return document


def text_at(document: object, *path: str) -> str | None:
    """Return the text at a path as valid Unicode; None for any other value, and for a text of unusual length."""
    value = value_at(document, *path)
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        return None
    # JSON can contain half of a surrogate pair, which no file, terminal or hash accepts.
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def count_at(document: object, *path: str) -> int | None:
    """Return the integer from 0 to 2^63 - 1 at a path; None for any other value."""
    value = value_at(document, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_COUNT else None
