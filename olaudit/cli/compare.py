"""`olaudit compare`: new, unchanged and resolved drift between two runs."""

import os
from pathlib import Path

import click

from olaudit.cli.options import COLOR, HISTORY, REPORTS, format_option, history_file
from olaudit.cli.output import emit, stdout_style
from olaudit.history import History
from olaudit.history import compare as compare_runs
from olaudit.render import comparison as comparison_text
from olaudit.render.history_document import ComparisonDocument


@click.command(short_help="Show new, unchanged and resolved drift between two runs.")
@click.argument("before", metavar="RUN")
@click.argument("after", metavar="RUN")
@REPORTS
@HISTORY
@format_option(("table", "json"), "table")
@COLOR
def compare(  # noqa: PLR0913 - one per option
    *,
    before: str,
    after: str,
    reports: Path,
    history: Path | None,
    format: str,  # noqa: A002 - click names it after the option
    color: str,
) -> None:
    """Show new, unchanged and resolved drift from the first RUN to the second. No host is contacted.

    RUN is a run's id, the beginning of one, a date (the last run of that day, UTC), `latest` or `previous`.
    `olaudit history` lists the runs.

    \b
    Examples:
      olaudit compare previous latest
      olaudit compare 2026-11-01 2026-11-22
    """  # noqa: D301 - click reads the backspace itself
    with History.open(history_file(reports, history), create=False) as store:
        comparison = compare_runs(store.run_findings(before), store.run_findings(after))
    if format == "json":
        emit(ComparisonDocument.of(comparison).model_dump_json(indent=2) + "\n")
    else:
        emit(comparison_text.render(comparison, stdout_style(color, os.environ, everything=False)))
