"""What the resolver of the auditor answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from olaudit.model import Answer, Unanswered

Name = Annotated[
    str, Field(max_length=253, pattern=r"^([A-Za-z0-9]|\{(host|domain)\})([A-Za-z0-9.-]|\{(host|domain)\})*$")
]
"""A name to look up: fully qualified, so that it means the same to every auditor's resolver.

In a role's file the words in braces are not filled in yet.
"""


class _Answer(BaseModel):
    addresses: tuple[str, ...]
    names: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Resolved:
    """The addresses of a name, and the names of each of them. No addresses: this resolver does not know it."""

    addresses: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]


def resolved(answer: Answer) -> Resolved | Unanswered:
    """Understand the answer to a `Lookup`."""
    if isinstance(answer, Unanswered):
        return answer
    try:
        found = _Answer.model_validate_json(answer.stdout, strict=True)
    except ValidationError:
        return Unanswered(f"the resolver's answer is not understood: {answer.stdout[:200]!r}")
    return Resolved(found.addresses, found.names)
