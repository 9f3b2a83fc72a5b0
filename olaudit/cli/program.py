"""The `olaudit` program and its commands."""

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


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(package_name="olaudit", message="%(prog)s %(version)s")
def program() -> None:
    """Audit a fleet of hosts against files that describe its expected state, and report drift.

    olaudit never changes a host.

    \b
    Exit codes:
      0    all as expected
      1    drift
      2    wrong usage, or invalid expected files
      3    no drift seen, but something could not be audited
      70   a bug in olaudit
      74   the results could not be written, for example because the disk is full
      130  interrupted
    """  # noqa: D301 - the backspace is for click


for command in (check, report, serve, explain, validate, demo, schema, history, compare, waive, monitoring):
    program.add_command(command)
