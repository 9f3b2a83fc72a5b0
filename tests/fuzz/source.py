"""A source of values made from the bytes of a fuzzer: any input gives some, and a short one simple ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_CHARACTERS = (
    "abc019 -_./:=,;'\"<>&|#%{}[]()\n\r\t\0\x07\x1b\x7f"
    "\x85\u00a0\u2028\u202e\ufeff\ufffd\ufffe\U0001f40b\udc80\ud800"
)


class Source:
    """Reads values from `data`; once that has ended, every number is 0."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes have not been used."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """Take the next bytes, as many as there are."""
        taken = self._data[self._at : self._at + count]
        self._at += len(taken)
        return taken

    def number(self, below: int) -> int:
        """Choose a number from 0."""
        return int.from_bytes(self.take(1 if below <= 256 else 3), "little") % below

    def choice(self, values: Sequence[T]) -> T:
        """Choose a value."""
        return values[self.number(len(values))]

    def text(self, most: int = 60) -> str:
        """Make a text of odd characters."""
        return "".join(_CHARACTERS[byte % len(_CHARACTERS)] for byte in self.take(self.number(most + 1)))
