"""All that is wrong with a folder of expected files, gathered, so that a user mends it in one go."""

from __future__ import annotations

from pathlib import Path

from olaudit.errors import ExpectedError, Problem
from olaudit.expected.spec import Place


def display_path(path: Path) -> str:
    """Write a path as the user would open it: relative to the current folder where it lies below it."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


class Problems:
    """What was found so far, each once, by place."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._found: dict[Place, set[str]] = {}

    def add(self, place: Place, message: str) -> None:
        """Remember that `message` is true at `place`."""
        self._found.setdefault(place, set()).add(message)

    def at(self, place: Place) -> bool:
        """Say whether something is wrong at `place` already."""
        return place in self._found

    def show(self, place: Place) -> str:
        """Write a place the way problems are written."""
        return f"{display_path(self._root / place.file)}:{place.line}"

    def __bool__(self) -> bool:
        """Say whether anything is wrong at all."""
        return bool(self._found)

    def error(self) -> ExpectedError:
        """Give everything that was found as one error to raise."""
        return ExpectedError(
            tuple(
                Problem(display_path(self._root / place.file), place.line, message)
                for place, messages in self._found.items()
                for message in messages
            )
        )
