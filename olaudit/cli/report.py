"""`olaudit report`: the nightly run: audit, keep, and tell what changed."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from olaudit import recording
from olaudit.cli import internal_errors, plugin
from olaudit.cli.archive import Archive
from olaudit.cli.auditing import Audited, Tools, audit_fleet
from olaudit.cli.options import HISTORY, REPORTS, Options, format_option, history_file, shared_options
from olaudit.cli.output import PRIVATE, Delivery, check_places, emit, mode_of, stdout_style, write_file
from olaudit.errors import HistoryError
from olaudit.evidence import extract_evidence
from olaudit.history import History, RunScope
from olaudit.model import Report
from olaudit.render import RENDERERS, changes
from olaudit.render.style import Style

_FORMATS = {"changes": changes.render, **RENDERERS}
_KEPT = {"json": "json", "html": "html", "md": "markdown"}
_SIGN_OF_LIFE = timedelta(days=7) - timedelta(hours=1)  # a nightly run is never exactly a week after another


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
    3 no drift seen but something could not be audited,
    74 results could not be written (the findings are printed), 130 interrupted.
    """  # noqa: D301 - click reads the backspace itself
    options = Options(**said)
    tools: Tools = context.obj
    check_places([*(output.file for output in options.output), *([options.record] if options.record else [])])
    archive = Archive(reports)
    delivery = Delivery()
    with ExitStack() as stack:
        past = _opened(archive, history_file(reports, history), tools, delivery, stack)
        audited = audit_fleet(options, tools)
        entered = _enter(past, audited, tools, keep, delivery)
        _write(archive, entered, audited, options, delivery)
        text = _FORMATS[options.format](entered, stdout_style(options.color, os.environ, everything=False))
        last = options.format == plugin.NAME  # nothing may go wrong after its first line, which is the verdict
        if not last and (not quiet or delivery.failed or _worth_saying(entered, past)):
            with delivery.step():
                emit(text)
                _note_spoken(past, entered)
        # last of all: a run that is killed before, or that could not be written, is told again the next night
        if past and not delivery.failed:
            with delivery.step(HistoryError):
                past.commit()
        archive.forget(datetime.fromisoformat(entered.run.started_at), keep)
    if not entered.run.complete:
        click.echo("olaudit: interrupted; these results are incomplete", err=True)
    internal_errors.write(entered.errors)
    delivery.finish()
    if last:
        emit(text)
    context.exit(plugin.ending(entered, options.format))


def _opened(archive: Archive, file: Path, tools: Tools, delivery: Delivery, stack: ExitStack) -> History | None:
    """Hold the folder and open the history; None where its disk is full or fails, and the audit goes on."""
    with delivery.step():
        stack.enter_context(archive.held(tools.now()))
    with delivery.step():
        return stack.enter_context(History.open(file))
    return None


def _write(archive: Archive, report: Report, audited: Audited, options: Options, delivery: Delivery) -> None:
    """Write every file that was asked for, the reports' folder's own first."""
    started = datetime.fromisoformat(report.run.started_at)
    with delivery.step():
        archive.write(started, {suffix: RENDERERS[name](report, Style()) for suffix, name in _KEPT.items()})
    for output in options.output:
        with delivery.step():
            text = RENDERERS[output.format](report, Style())
            write_file(output.file, text, mode_of(output.format))
    if options.record:
        with delivery.step():
            write_file(options.record, recording.dump(audited.collected), PRIVATE)


def _enter(past: History | None, audited: Audited, tools: Tools, keep_days: int, delivery: Delivery) -> Report:
    """Enter the run into the history, with the answers behind whatever is not ok; give it with what changed.

    Where it cannot be entered, what changed is still compared with the runs before, as far as these can be read.
    """
    if past is None:
        return audited.report
    hosts = audited.fleet.hosts
    kept = extract_evidence(audited.report, hosts.values(), audited.collected, tools.checkers)
    scope = RunScope(hosts=frozenset(hosts), checks=audited.wanted)
    with delivery.step(HistoryError):
        return past.add_run(audited.report, scope, recording.dump(kept), keep_days=keep_days)
    try:
        return past.compare(audited.report, scope)
    except HistoryError:
        return audited.report


def _note_spoken(past: History | None, report: Report) -> None:
    with suppress(HistoryError):  # it cannot be written: then the commit fails too, and says so
        if past:
            past.set_last_printed(report.run.started_at)


def _worth_saying(report: Report, past: History | None) -> bool:
    """Say whether a quiet run has something to tell: a change, or that it is still alive."""
    spoken = past.last_printed if past else None
    if not report.changes or report.changes.has_changes or not report.run.complete or not spoken:
        return True
    # a clock that was once ahead must not silence the years until then
    return abs(datetime.fromisoformat(report.run.started_at) - datetime.fromisoformat(spoken)) >= _SIGN_OF_LIFE
