"""Being a Nagios plugin: with `-f nagios`, however a run ends, it ends in a plugin's line and one of its codes.

Nagios reads stdout, and takes 1 for WARNING and 2 for CRITICAL: an error must be neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import zip_longest

import click

from olaudit.audit import exit_code
from olaudit.model import Report
from olaudit.render import nagios

NAME = "nagios"
UNKNOWN = int(nagios.Status.UNKNOWN)


def wanted(argv: Sequence[str]) -> bool:
    """Say whether `argv` asks for a plugin; as far as that can be said of one that may not be valid."""
    format_ = ""
    for one, following in zip_longest(argv, argv[1:], fillvalue=""):
        if one == "--":
            break
        if one in ("-f", "--format"):
            format_ = following
        elif one.startswith("--format="):
            format_ = one.removeprefix("--format=")
        elif one.startswith("-f"):
            format_ = one.removeprefix("-f").removeprefix("=")
    return format_.lower() == NAME


def ending(report: Report, format_: str) -> int:
    """Give the exit code of a run that came to a report."""
    if format_ == NAME:
        return nagios.status(report)
    return exit_code(report) if report.run.complete else 130


def fail(message: str) -> int:
    """Say on stdout that there is no answer, and why; give the exit code."""
    with suppress(OSError):  # where stdout itself is what is wrong, the code has to do
        click.echo(nagios.status_line(nagios.Status.UNKNOWN, " ".join(message.split())))
    return nagios.Status.UNKNOWN
