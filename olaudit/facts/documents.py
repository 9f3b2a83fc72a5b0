"""Access to JSON documents of unknown form. All functions are total."""

from __future__ import annotations

from typing import Final

ABSENT: Final = object()
"""The value at a path that does not exist; JSON's null is None."""

_MAX_TEXT = 4096  # characters: the longest path; Docker returns no longer text
_MAX_COUNT = 1 << 63  # counts are 64 bits wide


def value_at(document: object, *path: str) -> object:
    """Return the value at a path of keys in nested objects, or `ABSENT` if the path does not exist."""
    for key in path:
        document = document.get(key, ABSENT) if isinstance(document, dict) else ABSENT
    return document


def text_of(value: object) -> str | None:
    """Return a text of usual length as valid Unicode; None for any other value."""
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        return None
    # JSON can contain half of a surrogate pair, which no file, terminal or hash accepts.
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def count_of(value: object) -> int | None:
    """Return an integer from 0 to 2^63 - 1; None for any other value."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_COUNT else None
