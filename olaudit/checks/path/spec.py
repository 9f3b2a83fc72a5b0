"""The section `paths` of the expected files."""

import posixpath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from olaudit.language import AbsolutePath, Presence, Section
from olaudit.model import Severity


def _check_wildcards(path: str) -> str:
    if is_glob(posixpath.dirname(path)):
        raise ValueError(f"{path!r} has a wildcard in a directory: only the last component may contain * ? or [")
    return path


def is_glob(path: str) -> bool:
    """Return whether the last component of `path` is a wildcard pattern."""
    return any(character in path for character in "*?[")


_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.$-]+$")]


class ContentSpec(Section):
    """Expected content of a file: equal, byte for byte, to another file on the same host."""

    equals: AbsolutePath


class PathSpec(Section):
    """Expected state of one path. For a glob, at least one match must exist, and the rule applies to all matches.

    `owner` and `group` are names or numeric ids, `mode` is octal. A forbidden path must not exist, with any type.
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
    def _check_content(self) -> Self:
        if self.content and (self.type == "directory" or self.presence is Presence.FORBIDDEN):
            raise ValueError("only a file that is not forbidden can have content")
        return self


def _check_globs(paths: dict[str, PathSpec]) -> dict[str, PathSpec]:
    for path, rule in paths.items():
        if rule.content and is_glob(path):
            raise ValueError(f"{path!r} has a wildcard: content can be compared for a single file only")
    return paths


Paths = Annotated[
    dict[Annotated[AbsolutePath, AfterValidator(_check_wildcards)], PathSpec], AfterValidator(_check_globs)
]
"""The section: the expected state of each path, or of all files that match a glob."""
