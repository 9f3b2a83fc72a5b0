"""`olaudit report`: the nightly run: audit, keep, and tell what changed."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from olaudit import recording
from olaudit.cli import internal_errors, plugin
from olaudit.cli.archive import Archive
from olaudit.cli.auditing import Audited, Tools, audit_fleet
from olaudit.cli.options import HISTORY, REPORTS, Options, format_option, history_file, shared_options
from olaudit.cli.output import check_places, emit, stdout_style, write_file
from olaudit.evidence import evidence
from olaudit.history import History, Scope
from olaudit.model import Report
from olaudit.render import RENDERERS, changes
from olaudit.render.style import Style

_FORMATS = {"changes": changes.render, **RENDERERS}
_KEPT = {"json": "json", "html": "html", "md": "markdown"}
_SIGN_OF_LIFE = timedelta(days=7) - timedelta(hours=1)  # a nightly run is never exactly a week after another
_PRIVATE = 0o600


@click.command(short_help="The nightly run: audit the fleet, keep the report, print what changed.")
@format_option(_FORMATS, "changes")
@shared_options
@REPORTS
@HISTORY
@click.option(
    "--keep",
    type=click.IntRange(min=1, max=36500),
    default=400,
    show_default=True,
    metavar="DAYS",
    help="Forget reports, and runs in the history, that are older.",
)
@click.option("--quiet", is_flag=True, help="Print nothing when nothing changed, but for a weekly sign of life.")
@click.pass_context
def report(
    context: click.Context, /, *, reports: Path, history: Path | None, keep: int, quiet: bool, **said: Any
) -> None:
    """Audit the fleet, keep the report, and print what changed since the last run: made for cron's mail.

    The report goes to the reports' folder as JSON, HTML and Markdown, named by the time the run started, with a
    link latest.* to each. What is new comes first, then what is gone, what is still there, and what is unknown.

    \b
    Examples:
      olaudit report
      olaudit report --reports /var/lib/olaudit/reports --quiet
      olaudit report -o prometheus=/var/lib/node_exporter/olaudit.prom

    \b
    Exit codes: 0 all as expected, 1 drift, 2 wrong usage or expected files,
    3 no drift seen but something could not be audited, 130 interrupted.
    """  # noqa: D301 - click reads the backspace itself
    options = Options(**said)
    tools: Tools = context.obj
    check_places([*(output.file for output in options.output), *([options.record] if options.record else [])])
    archive = Archive(reports)
    with archive.held(tools.now()), History.open(history_file(reports, history)) as past:
        audited = audit_fleet(options, tools)
        entered = _enter(past, audited, tools, keep)
        started = datetime.fromisoformat(entered.run.started_at)
        _write(archive, entered, audited, options)
        text = _FORMATS[options.format](entered, stdout_style(options.color, os.environ, everything=False))
        last = options.format == plugin.NAME  # nothing may go wrong after its first line, which is the verdict
        if not last and (not quiet or _worth_saying(entered, past.spoken)):
            emit(text)
            past.speak(entered.run.started_at)
        # last of all: a run that is killed before is told again the next night, and never lost
        past.commit()
        archive.forget(started, keep)
    if last:
        emit(text)
    if not entered.run.complete:
        click.echo("olaudit: interrupted; these results are incomplete", err=True)
    internal_errors.write(entered.errors)
    context.exit(plugin.ending(entered, options.format))


def _write(archive: Archive, report: Report, audited: Audited, options: Options) -> None:
    """Write every file that was asked for, the reports' folder's own first."""
    started = datetime.fromisoformat(report.run.started_at)
    archive.write(started, {suffix: RENDERERS[name](report, Style()) for suffix, name in _KEPT.items()})
    for output in options.output:
        write_file(output.file, RENDERERS[output.format](report, Style()))
    if options.record:
        write_file(options.record, recording.dump(audited.collected), _PRIVATE)


def _enter(past: History, audited: Audited, tools: Tools, keep_days: int) -> Report:
    """Enter the run into the history, with the answers behind whatever is not ok."""
    hosts = audited.fleet.hosts
    kept = evidence(audited.report, hosts.values(), audited.collected, tools.kinds)
    scope = Scope(hosts=frozenset(hosts), checks=audited.wanted)
    return past.enter(audited.report, scope, recording.dump(kept), keep_days=keep_days)


def _worth_saying(report: Report, spoken: str | None) -> bool:
    """Say whether a quiet run has something to tell: a change, or that it is still alive."""
    if not report.changes or report.changes.any or not report.run.complete or not spoken:
        return True
    # a clock that was once ahead must not silence the years until then
    return abs(datetime.fromisoformat(report.run.started_at) - datetime.fromisoformat(spoken)) >= _SIGN_OF_LIFE
