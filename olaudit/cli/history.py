"""`olaudit history`: earlier runs, and the history of a host or a finding."""

import os
from pathlib import Path

import click
from pydantic import BaseModel

from olaudit.cli.finding_ids import MIN_DIGITS, find_by_prefix, parse_id_prefix
from olaudit.cli.options import COLOR, HISTORY, REPORTS, format_option, history_file
from olaudit.cli.output import emit, stdout_style
from olaudit.errors import UsageError
from olaudit.expected.messages import suggest
from olaudit.history import History, Subject
from olaudit.render.history import render_finding, render_host, render_runs
from olaudit.render.history_document import FindingHistory, HistoryDocument, HostHistory
from olaudit.render.style import Style


@click.command(short_help="Show earlier runs, or the history of a host or a finding.")
@click.argument("about", required=False, metavar="[HOST|FINDING]")
@REPORTS
@HISTORY
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=1_000_000),
    default=30,
    metavar="N",
    help="How many runs to show, newest first.",
)
@format_option(("table", "json"), "table")
@COLOR
def history(  # noqa: PLR0913 - one per option
    *,
    about: str | None,
    reports: Path,
    history: Path | None,
    limit: int,
    format: str,  # noqa: A002 - click names it after the option
    color: str,
) -> None:
    """Show the results of earlier runs of `olaudit report`. No host is contacted.

    Without an argument: the runs, newest first. HOST: its drift, and the runs that could not audit it. FINDING (an
    id, or its first four or more digits): its episodes as drift, and its verdicts.

    \b
    Examples:
      olaudit history
      olaudit history ol-home0
      olaudit history 3fa9c1
      olaudit history --limit 365 -f json
    """  # noqa: D301 - click reads the backspace itself
    style = None if format == "json" else stdout_style(color, os.environ, everything=False)
    with History.open(history_file(reports, history), create=False) as store:
        if about is None:
            emit(_runs(store, limit, style))
        elif host := _find_host(store, about):
            emit(_host(store, host, style))
        else:
            emit(_finding(store, _find_subject(store, about), style))


def _runs(store: History, limit: int, style: Style | None) -> str:
    """Format the runs: as text, or as JSON without a style."""
    rows = store.recent_runs(limit + 1)
    if style:
        return render_runs(rows[:limit], style, more=len(rows) > limit)
    return _json(HistoryDocument.of_runs(rows[:limit]))


def _host(store: History, host: str, style: Style | None) -> str:
    episodes, unreachable = store.host_episodes(host), store.unreachable_spans(host)
    if style:
        return render_host(host, episodes, unreachable, store.find_run("latest"), style)
    return _json(HistoryDocument(HostHistory.of(host, episodes, unreachable)))


def _finding(store: History, subject: Subject, style: Style | None) -> str:
    episodes, spans = store.episodes(subject.id), store.spans(subject.id)
    if style:
        return render_finding(subject, episodes, spans, store.find_run("latest"), style)
    return _json(HistoryDocument(FindingHistory.of(subject, episodes, spans)))


def _json(document: BaseModel) -> str:
    return document.model_dump_json(indent=2) + "\n"


def _find_host(store: History, about: str) -> str | None:
    """Find the host with this name, short or fully qualified."""
    hosts = store.hosts()
    return next((name for name in (about.lower(), about.lower().partition(".")[0]) if name in hosts), None)


def _find_subject(store: History, about: str) -> Subject:
    """Find the subject of a finding id or its prefix. Raises UsageError if none or several match."""
    if (prefix := parse_id_prefix(about)) is None:
        raise UsageError(
            f"no host called {about!r} is in the history{suggest(about, store.hosts())}",
            f"a finding is named by {MIN_DIGITS} to 12 hex digits of its id",
        )
    if (subject := find_by_prefix(store.find_subjects(prefix), prefix)) is None:
        raise UsageError(
            f"no finding in the history has an id that begins with {prefix}",
            "`olaudit history HOST` lists the findings of a host",
        )
    return subject
