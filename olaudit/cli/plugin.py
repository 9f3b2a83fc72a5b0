"""Nagios plugin output: with `-f nagios`, every run ends with a plugin's line and one of its exit codes.

Nagios reads stdout, and interprets 1 as WARNING and 2 as CRITICAL. An error of olaudit must be neither.
"""

from collections.abc import Sequence
from contextlib import suppress
from itertools import zip_longest

import click

from olaudit.audit import exit_code
from olaudit.model import Report
from olaudit.render import nagios

NAME = "nagios"
UNKNOWN = int(nagios.Status.UNKNOWN)


def is_requested(argv: Sequence[str]) -> bool:
    """Return whether `argv` selects the nagios format. `argv` may be invalid, so this is a best effort."""
    format_ = ""
    for argument, following in zip_longest(argv, argv[1:], fillvalue=""):
        if argument == "--":
            break
        if argument in ("-f", "--format"):
            format_ = following
        elif argument.startswith("--format="):
            format_ = argument.removeprefix("--format=")
        elif argument.startswith("-f"):
            format_ = argument.removeprefix("-f").removeprefix("=")
    return format_.lower() == NAME


def run_exit_code(report: Report, format_: str) -> int:
    """Return the exit code of a run that produced a report."""
    if format_ == NAME:
        return nagios.status(report)
    return exit_code(report) if report.run.complete else 130


def fail(message: str) -> int:
    """Print an UNKNOWN line with the reason to stdout; return the exit code."""
    with suppress(OSError):  # if stdout itself fails, the exit code must suffice
        click.echo(nagios.status_line(nagios.Status.UNKNOWN, " ".join(message.split())))
    return nagios.Status.UNKNOWN
