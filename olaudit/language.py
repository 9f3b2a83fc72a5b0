"""The vocabulary that all sections of the expected files share: accepted alternatives, presence, sizes.

Sections are validated from JSON text in strict mode: a number never becomes a string or the other way
round, and a list becomes a tuple.
"""

from __future__ import annotations

import posixpath
import re
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

T = TypeVar("T")


class Section(BaseModel):
    """A part of an expected file: frozen, strict, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Presence(StrEnum):
    """Whether a thing must be there. What is optional may be absent, and is checked when present."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    FORBIDDEN = "forbidden"


class Expect(Section, Generic[T]):
    """An expected value with its accepted alternatives; a bare scalar in the file is the value alone."""

    value: T
    # Not strict: the validator above hands on Python objects, and a list is no tuple. Its items stay strict.
    accept: Annotated[tuple[T, ...], Field(strict=False)] = ()
    note: str = ""

    @model_validator(mode="before")
    @classmethod
    def _scalar(cls, data: Any) -> Any:
        return data if isinstance(data, dict) else {"value": data}

    @property
    def values(self) -> tuple[T, ...]:
        """All values that pass, the expected one first."""
        return (self.value, *self.accept)

    def __str__(self) -> str:
        """Show the expected value; alternatives pass, but are not what one should mend towards."""
        return str(self.value)


def _plain_path(path: str) -> str:
    if not path.startswith("/") or path.startswith("//") or posixpath.normpath(path) != path:
        msg = f'{path!r} is not a plain absolute path: it starts with "/", and has no "..", "//" or last slash'
        raise ValueError(msg)
    if not path.isprintable():
        msg = f"{path!r} holds a control character"
        raise ValueError(msg)
    return path


AbsolutePath = Annotated[str, AfterValidator(_plain_path)]
"""A path on a host, written in the one way in which commands can be given it and their answers compared."""


_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(B|KiB|MiB|GiB|TiB)")


def parse_size(text: str) -> int:
    """Read "300 MiB" as bytes. Raises ValueError for anything without a binary unit."""
    if not (match := _SIZE.fullmatch(text)):
        msg = f'{text!r} is not a size: write a number and B, KiB, MiB, GiB or TiB, such as "300 MiB"'
        raise ValueError(msg)
    return round(float(match[1]) * _UNITS[match[2]])


def _is_size(text: str) -> str:
    parse_size(text)
    return text


Size = Annotated[str, AfterValidator(_is_size)]
"""A size as people write it ("300 MiB"); `parse_size` gives bytes."""
