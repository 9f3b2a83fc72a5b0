"""What a program says in the end: lines on two streams, and a status."""

from __future__ import annotations

from dataclasses import dataclass, field

from olaudit.model import Answered


class Unsupported(Exception):  # noqa: N818 - it is caught where programs are run, and never shown
    """The simulation of a program does not know these arguments."""


@dataclass(slots=True)
class Outcome:
    """Collects what a program prints; a complaint makes it end with status 1."""

    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)

    def complain(self, what: str, error: OSError) -> None:
        """Add a line to standard error, ending in the system's word for `error`."""
        self.err.append(f"{what}: {error.strerror}")

    def answer(self) -> Answered:
        """Give it as the batch gives it: without the last line breaks of standard error."""
        return Answered("".join(self.out), "\n".join(self.err), 1 if self.err else 0)
