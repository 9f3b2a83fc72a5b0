"""What parsers of answers share: the wording of errors, absent files, JSON of unknown form."""

from __future__ import annotations

import json

from olaudit.model import Answered, Unknown

_ABSENT = ("No such file or directory", "Not a directory")
_MAX_EXCERPT = 200  # characters of an answer in a reason


def is_absent(error: str) -> bool:
    """Return whether a line of standard error means that the path does not exist."""
    return error.rstrip().endswith(_ABSENT)


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
