"""Types that all sections of the expected files share: accepted alternatives, presence, paths, sizes.

Sections are validated from JSON text in strict mode: a number never becomes a string, a string never becomes a
number, and a list becomes a tuple.
"""

import posixpath
import re
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

T = TypeVar("T")


class Section(BaseModel):
    """A part of an expected file: frozen, strict, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Presence(StrEnum):
    """Whether a subject must exist. An optional subject may be absent, and is checked if it exists."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    FORBIDDEN = "forbidden"


def not_forbidden(message: str) -> AfterValidator:
    """Build the validator of a presence that cannot be forbidden; `message` explains why."""

    def check(presence: Presence) -> Presence:
        if presence is Presence.FORBIDDEN:
            raise ValueError(message)
        return presence

    return AfterValidator(check)


def parsed_by(parse: Callable[[str], object]) -> AfterValidator:
    """Build the validator of a text that `parse` accepts (it raises ValueError otherwise); the text is kept."""

    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


class Expect(Section, Generic[T]):
    """An expected value and its accepted alternatives; a bare scalar in the file is a value without any."""

    value: T
    # Not strict: the validator below returns Python objects, and a list is not a tuple. Its items are strict.
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
        """Return the expected value. Alternatives are accepted, but a fix restores the expected value."""
        return str(self.value)


def _plain_path(path: str) -> str:
    if not path.startswith("/") or path.startswith("//") or posixpath.normpath(path) != path:
        raise ValueError(
            f'{path!r} is not a plain absolute path: it must start with "/", without "..", "//" or a final "/"'
        )
    if not path.isprintable():
        raise ValueError(f"{path!r} holds a control character")
    return path


AbsolutePath = Annotated[str, AfterValidator(_plain_path)]
"""A path on a host in normal form, so that paths in commands and in answers can be compared as text."""

LookupName = Annotated[
    str, Field(max_length=253, pattern=r"^([A-Za-z0-9]|\{(host|domain)\})([A-Za-z0-9.-]|\{(host|domain)\})*$")
]
"""A name to look up: fully qualified, so that each auditor's resolver looks up the same name.

In the file of a role, the placeholders in braces are not replaced yet.
"""


_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(B|KiB|MiB|GiB|TiB)")


def parse_size(text: str) -> int:
    """Parse a size such as "300 MiB" into bytes. Raises ValueError for a text without a binary unit."""
    if not (match := _SIZE.fullmatch(text)):
        raise ValueError(f'{text!r} is not a size: write a number and B, KiB, MiB, GiB or TiB, such as "300 MiB"')
    return round(float(match[1]) * _UNITS[match[2]])


Size = Annotated[str, parsed_by(parse_size)]
"""A size as text, such as "300 MiB"; `parse_size` converts it to bytes."""
