"""`olaudit report`: the nightly run, which audits the fleet, stores the report, and prints the changes."""

import os
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from olaudit import recording
from olaudit.cli.archive import Archive
from olaudit.cli.delivery import Delivery
from olaudit.cli.fleet_audit import FleetAudit, Tools, audit_fleet
from olaudit.cli.options import HISTORY, REPORTS, AuditOptions, format_option, history_file, shared_options
from olaudit.cli.output import emit, stdout_style
from olaudit.errors import HistoryError
from olaudit.evidence import extract_evidence
from olaudit.history import History, RunScope
from olaudit.model import Report
from olaudit.render import RENDERERS, changes
from olaudit.render.style import Style

_FORMATS = {"changes": changes.render, **RENDERERS}
_ARCHIVED_FORMATS = {"json": "json", "html": "html", "md": "markdown"}
_QUIET_PERIOD = timedelta(days=7) - timedelta(hours=1)  # nightly runs are never exactly a week apart


@click.command(short_help="Audit the fleet, store the report, and print changes.")
@format_option(_FORMATS, "changes")
@shared_options
@REPORTS
@HISTORY
@click.option(
    "--keep",
    type=click.IntRange(min=1, max=36500),
    default=400,
    metavar="DAYS",
    help="Remove reports and recorded runs that are older than DAYS.",
)
@click.option("--quiet", is_flag=True, help="Print nothing if nothing changed, except once a week.")
@click.pass_context
def report(
    context: click.Context, /, *, reports: Path, history: Path | None, keep: int, quiet: bool, **shared: Any
) -> None:
    """Audit the fleet, store the report, and print the changes since the last run. Cron can mail this output.

    The report is written to the reports folder as JSON, HTML and Markdown, named after the start of the run, and
    linked as latest.*. The output lists new findings first, then resolved, unchanged and unknown ones.

    \b
    Examples:
      olaudit report
      olaudit report --reports /var/lib/olaudit/reports --quiet
      olaudit report -o prometheus=/var/lib/node_exporter/olaudit.prom

    \b
    Exit codes: 0 all as expected, 1 drift, 2 wrong usage or invalid expected
    files, 3 no drift seen but something could not be audited, 74 results could
    not be written (the findings are printed), 130 interrupted.
    """  # noqa: D301 - the backspace is for click
    options = AuditOptions(**shared)
    tools: Tools = context.obj
    delivery = Delivery(options, tools.checkers)
    archive = Archive(reports)
    with ExitStack() as stack:
        run_history = _open_history(archive, history_file(reports, history), tools, delivery, stack)
        audited = audit_fleet(options, tools)
        stored = _store_run(run_history, audited, tools, keep, delivery)
        started = datetime.fromisoformat(stored.run.started_at)
        _write_archive(archive, started, stored, delivery)
        delivery.write_files(stored, audited.collected)
        style = stdout_style(options.color, os.environ, everything=False, checkers=tools.checkers)
        text = _FORMATS[options.format](stored, style)
        if not delivery.prints_last and (not quiet or delivery.failed or _is_noteworthy(stored, run_history)):
            _print(text, stored, run_history, delivery)
        # last: the next run reports the changes again if this one is killed before, or could not write its results
        if run_history and not delivery.failed:
            with delivery.step(HistoryError):
                run_history.commit()
        archive.remove_old(started, keep)
    context.exit(delivery.finish(stored, text))


def _write_archive(archive: Archive, started: datetime, stored: Report, delivery: Delivery) -> None:
    with delivery.step():
        texts = {suffix: RENDERERS[name](stored, Style()) for suffix, name in _ARCHIVED_FORMATS.items()}
        archive.write(started, texts)


def _print(text: str, stored: Report, run_history: History | None, delivery: Delivery) -> None:
    with delivery.step():
        emit(text)
        _record_printed(run_history, stored)


def _open_history(
    archive: Archive, file: Path, tools: Tools, delivery: Delivery, stack: ExitStack
) -> History | None:
    """Lock the folder and open the history; None if its disk is full or fails: the audit then continues."""
    with delivery.step():
        stack.enter_context(archive.lock(tools.now()))
    with delivery.step():
        return stack.enter_context(History.open(file))
    return None


def _store_run(
    run_history: History | None, audited: FleetAudit, tools: Tools, keep_days: int, delivery: Delivery
) -> Report:
    """Store the run, with the answers behind all that is not ok; return its report with the changes.

    If the run cannot be stored, it is still compared with the earlier runs, if these can be read.
    """
    if run_history is None:
        return audited.report
    hosts = audited.fleet.hosts
    answers = extract_evidence(audited.report, audited.collected, tools.checkers)
    scope = RunScope(hosts=frozenset(hosts), checks=audited.check_ids)
    with delivery.step(HistoryError):
        return run_history.add_run(audited.report, scope, recording.dump(answers), keep_days=keep_days)
    try:
        return run_history.compare(audited.report, scope)
    except HistoryError:
        return audited.report


def _record_printed(run_history: History | None, report: Report) -> None:
    with suppress(HistoryError):  # if the history cannot be written, the commit fails too, and reports it
        if run_history:
            run_history.set_last_printed(report.run.started_at)


def _is_noteworthy(report: Report, run_history: History | None) -> bool:
    """Return whether a quiet run must print its report: after a change, or a week without output."""
    last_printed = run_history.last_printed if run_history else None
    if not report.changes or report.changes.has_changes or not report.run.complete or not last_printed:
        return True
    # absolute: a clock that was ahead once must not suppress the output until that date
    return (
        abs(datetime.fromisoformat(report.run.started_at) - datetime.fromisoformat(last_printed)) >= _QUIET_PERIOD
    )
