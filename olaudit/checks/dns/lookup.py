"""Answers of the auditor's resolver, and the type of the names that are looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from olaudit.model import Answer, Unanswered

LookupName = Annotated[
    str, Field(max_length=253, pattern=r"^([A-Za-z0-9]|\{(host|domain)\})([A-Za-z0-9.-]|\{(host|domain)\})*$")
]
"""A name to look up: fully qualified, so that each auditor's resolver looks up the same name.

In the file of a role, the placeholders in braces are not replaced yet.
"""


class _LookupAnswer(BaseModel):
    addresses: tuple[str, ...]
    names: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Resolution:
    """Addresses of a name, and the names of each address. No addresses: the resolver does not know the name."""

    addresses: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]


def parse_lookup(answer: Answer) -> Resolution | Unanswered:
    """Parse the answer to a `Lookup`."""
    if isinstance(answer, Unanswered):
        return answer
    try:
        parsed = _LookupAnswer.model_validate_json(answer.stdout, strict=True)
    except ValidationError:
        return Unanswered(f"cannot parse the resolver's answer: {answer.stdout[:200]!r}")
    return Resolution(parsed.addresses, parsed.names)
