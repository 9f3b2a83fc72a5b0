"""What the resolver of the auditor answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from olaudit.model import Answer, Unanswered

Name = Annotated[
    str, Field(max_length=253, pattern=r"^([A-Za-z0-9]|\{(host|domain)\})([A-Za-z0-9.-]|\{(host|domain)\})*$")
]
"""A name to look up: fully qualified, so that it means the same to every auditor's resolver.

In a role's file the words in braces are not filled in yet.
"""


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
        said = json.loads(answer.stdout)
        names = {str(address): tuple(map(str, back)) for address, back in said["names"].items()}
        return Resolved(tuple(map(str, said["addresses"])), names)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Unanswered("the resolver's answer makes no sense")
