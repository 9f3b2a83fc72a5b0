"""Decoding of JSON from an engine, with limits on depth, count and text length.

`json.loads` recurses: some kilobytes of brackets exhaust the interpreter's stack, and one answer of a few
megabytes can become gigabytes of objects. Brackets and values are therefore counted before the answer is decoded.
"""

import json
import re
from itertools import accumulate
from typing import Any

from olaudit.transport.engine.errors import InvalidAnswer
from olaudit.transport.reasons import describe_error

MAX_LEVELS = 64
MAX_VALUES = 150_000
"""Most values in one answer. A list of 40,000 changed files stays below it."""

MAX_CHARACTERS = 64 << 10
"""Most characters of one text in a reduced answer."""

# The quantifiers are possessive and the closing quote is optional, so a match cannot fail. If it could, each quote
# within an unterminated string would be tried as a start: hours for one answer, while no other thread runs.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_LEVELS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in b"[]{},")


def decode(body: bytes) -> Any:
    """Decode an answer. Raises InvalidAnswer where it is not JSON or exceeds a limit."""
    structure = _STRING.sub(b"", body).translate(None, _NOT_STRUCTURE)
    if len(structure) - structure.count(b"]") - structure.count(b"}") > MAX_VALUES:
        raise InvalidAnswer(f"Docker's answer holds more than {MAX_VALUES:,} values")
    if max(accumulate(_LEVELS.get(byte, 0) for byte in structure), default=0) > MAX_LEVELS:
        raise InvalidAnswer(f"Docker's answer is nested deeper than {MAX_LEVELS} levels")
    try:
        return json.loads(body.decode(), parse_constant=_reject_constant, parse_float=_parse_finite)
    except (ValueError, RecursionError) as error:
        raise InvalidAnswer(f"Docker's answer could not be parsed as JSON: {describe_error(error)}") from None


def _reject_constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")


def _parse_finite(text: str) -> float:
    number = float(text)
    if abs(number) == float("inf"):
        raise ValueError("a number is too large")
    return number


def bounded(value: Any) -> Any:
    """Copy a decoded value, with valid Unicode in all texts. Raises InvalidAnswer for a text that is too long."""
    match value:
        case str():
            if len(value) > MAX_CHARACTERS:
                raise InvalidAnswer(f"Docker's answer holds a text of more than {MAX_CHARACTERS:,} characters")
            # JSON can contain half a surrogate pair, which cannot be encoded for a file, terminal or hash.
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {bounded(key): bounded(item) for key, item in value.items()}
        case list():
            return [bounded(item) for item in value]
        case _:
            return value
