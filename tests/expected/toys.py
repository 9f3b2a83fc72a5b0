"""Toy checkers, so that tests of the loader do not depend on the real ones, and folders to load."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from olaudit.checker import AnyChecker, Checker
from olaudit.errors import ExpectedError
from olaudit.expected import FleetSpec, load
from olaudit.language import Expect, Section


class Engine(StrEnum):
    """The engine of a train."""

    STEAM = "steam"
    DIESEL = "diesel"


class Wagon(Section):
    """A section that is a mapping, with one value of each type."""

    text: str = ""
    size: Annotated[int, Field(ge=1, le=100)] = 1
    ratio: float = 0.5
    flag: bool = False
    engine: Engine = Engine.STEAM
    names: tuple[str, ...] = ()
    motto: Annotated[str, Field(min_length=1)] = "on"
    code: Annotated[str, Field(pattern="^[a-z]+$")] = "a"
    load: Load | None = None


class Load(Section):
    """A nested mapping, with a required key."""

    coal: int
    water: int = 0


class BoxDefaults(Section):
    """Default values of boxes."""

    colour: str = "plain"
    weight: int = 0


class Box(BoxDefaults):
    """An item of a list."""

    name: str
    label: Expect[str] | None = None


def _check_unique(boxes: tuple[Box, ...]) -> tuple[Box, ...]:
    names = [box.name for box in boxes]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise PydanticCustomError("twice", "two boxes are named {name}", {"name": name, "index": index})
    return boxes


def _check_even(length: int) -> int:
    if length % 2:
        msg = f"{length} is odd"
        raise ValueError(msg)
    return length


def _checker(section: str, model: Any, defaults: tuple[str, Any] | None = None) -> Checker[Any]:
    return Checker(
        section=section,
        model=model,
        checks=(),
        facts=lambda _spec: (),
        defaults=defaults,
    )


CHECKERS = (
    _checker("wagon", Wagon),
    _checker("boxes", Annotated[tuple[Box, ...], AfterValidator(_check_unique)], ("box_defaults", BoxDefaults)),
    _checker("lengths", dict[str, Annotated[int, AfterValidator(_check_even)]]),
    _checker("title", Expect[str]),
    _checker("title", Expect[str]),  # two checkers may share a section
)

BASE = {
    "fleet.yaml": "name: toys\ndomain: example.org\nevery_host: [common]\n",
    "roles/common.yaml": "wagon: {size: 2}\n",
    "roles/extra.yaml": "lengths: {a: 2}\n",
    "hosts/toy1.yaml": "host: toy1\nroles: [extra]\n",
}
"""A valid folder."""


Files = Mapping[str, str | bytes | None]


def write(root: Path, files: Files) -> Path:
    """Write BASE with the changes of `files`; None removes a file."""
    for name, text in {**BASE, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
    return root


def fleet(root: Path, files: Files) -> FleetSpec:
    """Load BASE with the changes of `files`."""
    return load(write(root, files), CHECKERS)


def problems(root: Path, files: Files, checkers: Sequence[AnyChecker] = CHECKERS) -> list[str]:
    """List the problems of BASE with the changes of `files`, with paths relative to the folder."""
    write(root, files)
    try:
        load(root, checkers)
    except ExpectedError as error:
        return [str(problem).removeprefix(f"{root}/").replace(f"{root}/", "") for problem in error.problems]
    return []
