"""The program and the list of its commands."""

from __future__ import annotations

import click

from olaudit.cli.check import check
from olaudit.cli.compare import compare
from olaudit.cli.demo import demo
from olaudit.cli.explain import explain
from olaudit.cli.history import history
from olaudit.cli.monitoring import monitoring
from olaudit.cli.report import report
from olaudit.cli.schema import schema
from olaudit.cli.serve import serve
from olaudit.cli.validate import validate
from olaudit.cli.waive import waive


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="olaudit", message="%(prog)s %(version)s")
def program() -> None:
    """Audit a fleet of hosts against files that say what it should be, and report the drift.

    It never changes a host.

    \b
    Exit codes:
      0    all as expected
      1    drift
      2    wrong usage, or expected files that are not valid
      3    no drift seen, but something could not be audited
      70   a bug in olaudit
      74   the results could not be written, a full disk for example
      130  interrupted
    """  # noqa: D301 - click reads the backspace itself


for command in (check, report, serve, explain, validate, demo, schema, history, compare, waive, monitoring):
    program.add_command(command)
