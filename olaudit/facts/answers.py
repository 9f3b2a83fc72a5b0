"""What parsers of answers share: the wording of errors, absent files, JSON of unknown form."""

from __future__ import annotations

import json
from collections.abc import Sequence

from olaudit.model import Answered, Unknown

_ABSENT = ("No such file or directory", "Not a directory")
_MAX_EXCERPT = 200  # characters of an answer in a reason


def is_absent(error: str) -> bool:
    """Return whether a line of standard error means that the path does not exist."""
    return error.rstrip().endswith(_ABSENT)


def has_no_target(error: str) -> bool:
    """Return whether a line of standard error means that the path, or the target of a link, does not exist."""
    return is_absent(error) or error.rstrip().endswith("Too many levels of symbolic links")


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
    return Unknown(answer.stderr.strip().partition("\n")[0] or f"status {answer.status}")


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
