"""`olaudit check`: audit hosts and print the findings."""

from __future__ import annotations

import os
from typing import Any

import click

from olaudit import recording
from olaudit.cli import internal_errors, plugin
from olaudit.cli.fleet_audit import Tools, audit_fleet
from olaudit.cli.options import AuditOptions, format_option, shared_options
from olaudit.cli.output import PRIVATE, Delivery, check_output_files, emit, mode_of, stdout_style, write_file
from olaudit.render import RENDERERS
from olaudit.render.style import Style


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
    check_output_files(
        [*(output.file for output in options.output), *([options.record] if options.record else [])]
    )
    audited = audit_fleet(options, tools)
    report = audited.report
    text = RENDERERS[options.format](report, stdout_style(options.color, os.environ, everything=options.all))
    print_last = (
        options.format == plugin.NAME
    )  # print it last: its first line is the verdict, after which nothing may fail
    delivery = Delivery()
    if not print_last:
        with delivery.step():
            emit(text)
    for output in options.output:
        with delivery.step():
            file_text = RENDERERS[output.format](report, Style(all=options.all))
            write_file(output.file, file_text, mode_of(output.format))
    if options.record:
        with delivery.step():
            write_file(options.record, recording.dump(audited.collected), PRIVATE)
    if not report.run.complete:
        click.echo("olaudit: interrupted; these results are incomplete", err=True)
    internal_errors.write(report.errors)
    delivery.finish()
    if print_last:
        emit(text)
    context.exit(plugin.run_exit_code(report, options.format))
