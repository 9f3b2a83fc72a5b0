"""`olaudit check`: audit hosts and print the findings."""

import os
from typing import Any

import click

from olaudit.cli.delivery import Delivery
from olaudit.cli.fleet_audit import Tools, audit_fleet
from olaudit.cli.options import AuditOptions, format_option, shared_options
from olaudit.cli.output import emit, stdout_style
from olaudit.render import RENDERERS


@click.command(short_help="Audit hosts and print what is not as expected.")
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@format_option(RENDERERS, "table")
@shared_options
@click.option("--all", is_flag=True, help="Also show the findings that are ok.")
@click.option(
    "--local", is_flag=True, help="Audit this machine without SSH, as host TARGET (default: its host name)."
)
@click.pass_context
def check(context: click.Context, /, **arguments: Any) -> None:
    """Audit hosts and print what is not as expected.

    TARGET is a host name (short or fully qualified), a glob ('ol-web*'), or @role. The default is the whole
    fleet.

    \b
    Examples:
      olaudit check
      olaudit check ol-home0 'ol-web*' @memcached
      olaudit check --only 'container.*,path.missing'
      olaudit check -o json=report.json -o ndjson=report.ndjson
      olaudit check --local -f json
      olaudit check --record today.json; olaudit check --replay today.json

    \b
    Exit codes: 0 all as expected, 1 drift, 2 wrong usage or invalid expected
    files, 3 no drift seen but something could not be audited, 74 results could
    not be written (the findings are printed), 130 interrupted. With -f nagios:
    0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    """  # noqa: D301 - the backspace is for click
    options = AuditOptions(**arguments)
    tools: Tools = context.obj
    delivery = Delivery(options, tools.checkers)
    audited = audit_fleet(options, tools)
    style = stdout_style(options.color, os.environ, everything=options.all, checkers=tools.checkers)
    text = RENDERERS[options.format](audited.report, style)
    if not delivery.prints_last:
        with delivery.step():
            emit(text)
    delivery.write_files(audited.report, audited.collected)
    context.exit(delivery.finish(audited.report, text))
