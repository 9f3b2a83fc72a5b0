"""Collection of all problems of the expected files, so that a user can fix them together."""

from pathlib import Path

from olaudit.errors import ExpectedError, Problem
from olaudit.expected.spec import Place


def display_path(path: Path) -> str:
    """Return a path relative to the current folder if it is below it, else absolute."""
    absolute = path.absolute()
    current = Path.cwd()
    return str(absolute.relative_to(current) if absolute.is_relative_to(current) else absolute)


class Problems:
    """The problems of one folder of expected files by place, without duplicates."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._messages: dict[Place, set[str]] = {}

    def add(self, place: Place, message: str) -> None:
        """Add a problem at `place`."""
        self._messages.setdefault(place, set()).add(message)

    def at(self, place: Place) -> bool:
        """Return whether there is a problem at `place`."""
        return place in self._messages

    def format_place(self, place: Place) -> str:
        """Format a place as `file:line`, as in problems."""
        return f"{display_path(self._root / place.file)}:{place.line}"

    def __bool__(self) -> bool:
        """Return whether there is any problem."""
        return bool(self._messages)

    def error(self) -> ExpectedError:
        """Build the exception that carries all problems."""
        return ExpectedError(
            tuple(
                Problem(display_path(self._root / place.file), place.line, message)
                for place, messages in self._messages.items()
                for message in messages
            )
        )
