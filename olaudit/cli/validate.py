"""`olaudit validate`: check the expected files, offline."""

from __future__ import annotations

import os
from pathlib import Path

import click

from olaudit.cli.auditing import Tools
from olaudit.cli.options import EXPECTED
from olaudit.cli.output import emit
from olaudit.expected import find_expected, load


@click.command(short_help="Check the expected files, offline.")
@EXPECTED
@click.pass_obj
def validate(tools: Tools, expected: Path | None) -> None:
    """Check the expected files, offline: no host is asked.

    Every problem is printed to stderr as file:line: message, and the exit code is 2 if there is any.

    \b
    Examples:
      olaudit validate
      olaudit validate -e ~/src/fleet/expected
    """  # noqa: D301 - click reads the backspace itself
    fleet = load(find_expected(expected, os.environ), tools.checkers, tools.now().date())
    emit(f"expected files are valid: {len(fleet.hosts)} hosts, revision {fleet.revision}\n")
