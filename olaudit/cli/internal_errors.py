"""Messages about bugs in olaudit on stderr, with the address for bug reports."""

from olaudit.cli.output import warn
from olaudit.model import InternalError

ISSUES = "https://github.com/internetarchive/openlibrary/issues"

_SHOWN = 5
"""The maximum number of printed tracebacks: one bug can occur on every host of a fleet."""


def explain(traceback: str) -> str:
    """Return a message that asks the user to report the bug behind `traceback`."""
    return f"olaudit: internal error; report it with the lines below at {ISSUES}\n{traceback}"


def write(errors: tuple[InternalError, ...]) -> None:
    """Write the internal errors that did not stop a run to stderr."""
    for error in errors[:_SHOWN]:
        warn(f"{explain(error.traceback).rstrip()}\nolaudit: (host {error.host}, while {error.activity})")
    if (others := len(errors) - _SHOWN) > 0:
        warn(f"olaudit: and {others} more internal errors")
