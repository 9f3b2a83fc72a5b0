"""`olaudit validate`: offline validation of the expected files."""

import os
from pathlib import Path

import click

from olaudit.cli.fleet_audit import Tools
from olaudit.cli.options import EXPECTED
from olaudit.cli.output import emit
from olaudit.expected import find_expected, load


@click.command(short_help="Validate the expected files offline.")
@EXPECTED
@click.pass_obj
def validate(tools: Tools, expected: Path | None) -> None:
    """Validate the expected files offline, without connecting to any host.

    Errors are printed to stderr as FILE:LINE: MESSAGE.

    \b
    Examples:
      olaudit validate
      olaudit validate -e ~/src/fleet/expected

    \b
    Exit codes: 0 valid, 2 wrong usage or invalid expected files.
    """  # noqa: D301 - the backspace is for click
    fleet = load(find_expected(expected, os.environ), tools.checkers, tools.now().date())
    emit(f"expected files are valid: {len(fleet.hosts)} hosts, revision {fleet.revision}\n")
