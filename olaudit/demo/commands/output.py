"""Output of a simulated program: two streams and a status."""

from __future__ import annotations

from dataclasses import dataclass, field

from olaudit.model import Answered


class Unsupported(Exception):  # noqa: N818 - caught where programs are run, never shown
    """The simulation of a program does not support these arguments."""


@dataclass(slots=True)
class ProgramOutput:
    """Output of a program. An error message makes the status 1."""

    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)

    def add_error(self, context: str, error: OSError) -> None:
        """Add a line to standard error: `context` and the system's message for `error`."""
        self.err.append(f"{context}: {error.strerror}")

    def to_answered(self) -> Answered:
        """Return the output as the batch does: without trailing line breaks of standard error."""
        return Answered("".join(self.out), "\n".join(self.err), 1 if self.err else 0)
