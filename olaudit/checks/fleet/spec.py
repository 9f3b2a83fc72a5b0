"""The section `agree`: what a host should have in common with the other hosts that have the same section."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from olaudit.language import AbsolutePath, Section

ABSENT = "absent"
"""The value of a host that lacks what is compared: hosts that all lack it agree."""

ComparedProgram = Literal["docker", "compose"]


class Agree(Section):
    """What hosts with the same values here have in common. An omitted key is not compared."""

    olsystem: AbsolutePath | None = None
    openlibrary: AbsolutePath | None = None
    image: str | None = Field(default=None, min_length=1)
    versions: tuple[ComparedProgram, ...] = ()
