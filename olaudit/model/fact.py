"""Facts: typed values parsed from a host's answers, once per host and audit."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, overload

from olaudit.model.probe import Answered, Answers, Probe, Unanswered

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Unknown:
    """The value of a fact that could not be observed; `reason` is one line of text."""

    reason: str


Reduction = Callable[[Answered, frozenset[str]], Answered]
"""Reduces an answer to the parts that the keys name; without keys, to what checks compare. Total."""


@dataclass(frozen=True, slots=True)
class Fact(Generic[T_co]):
    """Something that can be observed on a host: the probe that asks for it, and the parser of the answer.

    `name` begins with the name of its module in `facts/`, as in "memory.total". Two facts with the same name and
    probe are equal, so that functions can build facts with a parameter. `parse` is total: it returns `Unknown` for
    an answer that it cannot parse, and never raises. `reduce` selects the parts of an answer that are kept as
    evidence; the default keeps a short answer, and of a long one the lines that contain a key.
    """

    name: str
    probe: Probe
    parse: Callable[[Answered], T_co | Unknown] = field(compare=False)
    reduce: Reduction | None = field(default=None, compare=False)

    def about(self, *keys: str) -> "Basis":
        """Return the part of the fact that the keys name, such as the name of one container."""
        return Basis(self, keys)


@dataclass(frozen=True, slots=True)
class Basis:
    """A fact that a result is based on; `keys` name the relevant parts of a long one (none: all of it).

    The first key names the subject of the result, if the fact describes several.
    """

    fact: Fact[Any]
    keys: tuple[str, ...] = ()


class Facts:
    """The facts of one host. Each is parsed once; a fact whose probe was not answered is `Unknown`."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._values: dict[Fact[Any], Any] = {}

    def __getitem__(self, fact: Fact[T]) -> T | Unknown:
        """Return the value of `fact`. Total."""
        if fact not in self._values:
            answer = self._answers[fact.probe]
            self._values[fact] = Unknown(answer.reason) if isinstance(answer, Unanswered) else fact.parse(answer)
        value: T | Unknown = self._values[fact]
        return value


def because(prefix: str, value: T | Unknown) -> T | Unknown:
    """Return a known value as it is, and an unknown one with `prefix: ` before its reason."""
    return Unknown(f"{prefix}: {value.reason}") if isinstance(value, Unknown) else value


@overload
def combine(first: A | Unknown, second: B | Unknown, /) -> tuple[A, B] | Unknown: ...
@overload
def combine(*values: T | Unknown) -> tuple[T, ...] | Unknown: ...
def combine(*values: Any) -> Any:
    """Return all values as a tuple, or the first `Unknown` among them."""
    return next((value for value in values if isinstance(value, Unknown)), values)
