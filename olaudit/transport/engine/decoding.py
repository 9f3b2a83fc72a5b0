"""JSON from an engine: decoded within bounds of depth and count, and in values that every program can carry on.

`json.loads` recurses, so that some kilobytes of brackets exhaust the interpreter's stack, and one answer of a few
megabytes can become gigabytes of objects. Both are counted before anything is decoded.
"""

from __future__ import annotations

import json
import re
from typing import Any

from olaudit.transport.engine.errors import BadAnswer, one_line

MOST_LEVELS = 64
MOST_VALUES = 150_000
"""How many values one answer may hold. A list of 40,000 changed files stays below it."""

MOST_CHARACTERS = 64 << 10
"""How long one text may be that is kept."""

# Possessive, and with an end that may be missing: if a match could fail, each quote within a string without an end
# would be tried as a beginning. That takes hours for one answer, and no other thread runs meanwhile.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in b"[]{},")


def decode(body: bytes) -> Any:
    """Decode an answer. Raises BadAnswer where it is not JSON, or beyond a bound."""
    structure = _STRING.sub(b"", body).translate(None, _NOT_STRUCTURE)
    if len(structure) - structure.count(b"]") - structure.count(b"}") > MOST_VALUES:
        raise BadAnswer(f"Docker's answer holds more than {MOST_VALUES:,} values")
    if _levels(structure) > MOST_LEVELS:
        raise BadAnswer(f"Docker's answer is nested deeper than {MOST_LEVELS} levels")
    try:
        return json.loads(body.decode(), parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(f"Docker's answer could not be parsed as JSON: {one_line(error)}") from None


def _levels(structure: bytes) -> int:
    deepest = level = 0
    for byte in structure:
        if byte in b"[{":
            level += 1
            deepest = max(deepest, level)
        elif byte in b"]}":
            level -= 1
    return deepest


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not a number of JSON's")


def _finite(text: str) -> float:
    number = float(text)
    if abs(number) == float("inf"):
        raise ValueError("a number is too large")
    return number


def bounded(value: Any) -> Any:
    """Copy a decoded value with valid Unicode in all texts. Raises BadAnswer for a text that is too long."""
    match value:
        case str():
            if len(value) > MOST_CHARACTERS:
                raise BadAnswer(f"Docker's answer holds a text of more than {MOST_CHARACTERS:,} characters")
            # JSON can spell half a surrogate pair, which no file, terminal or hash takes.
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {bounded(key): bounded(item) for key, item in value.items()}
        case list():
            return [bounded(item) for item in value]
        case _:
            return value
