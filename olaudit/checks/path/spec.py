"""The section `paths` of the expected files."""

from __future__ import annotations

import posixpath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from olaudit.language import AbsolutePath, Presence, Section
from olaudit.model import Severity


def _one_glob(path: str) -> str:
    if is_glob(posixpath.dirname(path)):
        msg = f"{path!r} has a wildcard in a directory: only the last component may hold one of * ? ["
        raise ValueError(msg)
    return path


def is_glob(path: str) -> bool:
    """Say whether `path` stands for all files whose names match its last component."""
    return any(character in path for character in "*?[")


_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.$-]+$")]


class ContentSpec(Section):
    """What a file should hold: the same, byte for byte, as another file of the same host."""

    equals: AbsolutePath


class PathSpec(Section):
    """What one path should be; of a glob, at least one match must exist, and all matches must be like this.

    `owner` and `group` are names or numeric ids, `mode` is octal. A forbidden path may not exist, as anything.
    """

    type: Literal["file", "directory"] | None = None
    presence: Presence = Presence.REQUIRED
    owner: _Name | None = None
    group: _Name | None = None
    mode: Annotated[str, Field(pattern=r"^[0-7]{3,4}$")] | None = None
    content: ContentSpec | None = None
    severity: Severity | None = None
    note: str = ""

    @model_validator(mode="after")
    def _content_of_a_file(self) -> Self:
        if self.content and (self.type == "directory" or self.presence is Presence.FORBIDDEN):
            msg = "only a file that may be there can have content"
            raise ValueError(msg)
        return self


def _one_file(paths: dict[str, PathSpec]) -> dict[str, PathSpec]:
    for path, rule in paths.items():
        if rule.content and is_glob(path):
            msg = f"{path!r} has a wildcard: only the content of one file can be compared"
            raise ValueError(msg)
    return paths


Paths = Annotated[dict[Annotated[AbsolutePath, AfterValidator(_one_glob)], PathSpec], AfterValidator(_one_file)]
"""The whole section: what each path, or all files that match a glob, should be."""
