"""Bugs in olaudit: what a user reads about them on stderr, and where to report them."""

from __future__ import annotations

import click

from olaudit.model import InternalError
from olaudit.text import visible

ISSUES = "https://github.com/internetarchive/openlibrary/issues"

_SHOWN = 5
"""How many tracebacks are printed: one bug can occur on every host of a fleet."""


def explain(traceback: str) -> str:
    """Return the lines that ask a user to report the bug behind `traceback`."""
    return f"olaudit: this is a bug; please report it, with the lines below, at {ISSUES}\n{traceback}"


def write(errors: tuple[InternalError, ...]) -> None:
    """Write the bugs that a run survived to stderr."""
    for error in errors[:_SHOWN]:
        _write(f"{explain(error.traceback).rstrip()}\nolaudit: (host {error.host}, while {error.activity})")
    if (more := len(errors) - _SHOWN) > 0:
        _write(f"olaudit: and {more} more internal errors")


def _write(text: str) -> None:
    click.echo("\n".join(visible(line) for line in text.splitlines()), err=True)
