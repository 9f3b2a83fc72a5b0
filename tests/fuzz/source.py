"""Source of values derived from a fuzzer's bytes; every input is valid, and short inputs give simple values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_CHARACTERS = (
    "abc019 -_./:=,;'\"<>&|#%{}[]()\n\r\t\0\x07\x1b\x7f"
    "\x85\u00a0\u2028\u202e\ufeff\ufffd\ufffe\U0001f40b\udc80\ud800"
)


class ByteSource:
    """Sequence of values derived from `data`; after its end every number is 0."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def remaining(self) -> int:
        """The number of unused bytes."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes, or fewer at the end."""
        taken = self._data[self._at : self._at + count]
        self._at += len(taken)
        return taken

    def number(self, limit: int) -> int:
        """Return a number from 0 to `limit` - 1."""
        return int.from_bytes(self.take(1 if limit <= 256 else 3), "little") % limit

    def choice(self, values: Sequence[T]) -> T:
        """Return one of `values`."""
        return values[self.number(len(values))]

    def text(self, max_length: int = 60) -> str:
        """Return a text of at most `max_length` unusual characters."""
        return "".join(_CHARACTERS[byte % len(_CHARACTERS)] for byte in self.take(self.number(max_length + 1)))
