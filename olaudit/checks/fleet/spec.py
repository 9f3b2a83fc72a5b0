"""The section `agree`: what a host should have in common with all others that say the same."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from olaudit.language import AbsolutePath, Section

Program = Literal["docker", "compose"]


class Agree(Section):
    """What hosts agree on: those that say it of the same thing. What is not given is not compared."""

    olsystem: AbsolutePath | None = None
    openlibrary: AbsolutePath | None = None
    image: str | None = Field(default=None, min_length=1)
    versions: tuple[Program, ...] = ()
