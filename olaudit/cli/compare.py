"""`olaudit compare`: what appeared, stayed and went between two runs."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from olaudit.cli.options import COLOR, HISTORY, REPORTS, format_option, history_file
from olaudit.cli.output import emit, stdout_style
from olaudit.history import Comparison, History
from olaudit.history import compare as compare_runs
from olaudit.model import Finding
from olaudit.render import differences


@click.command(short_help="Show what appeared, stayed and went between two runs.")
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
    """Show what appeared, stayed and went from the first RUN to the second. It asks no host.

    RUN is a run's id, the beginning of one, a date (the last run of that day, UTC), `latest` or `previous`.
    `olaudit history` lists them.

    \b
    Examples:
      olaudit compare previous latest
      olaudit compare 2026-11-01 2026-11-22
    """  # noqa: D301 - click reads the backspace itself
    with History.open(history_file(reports, history), create=False) as past:
        comparison = compare_runs(past.run_findings(before), past.run_findings(after))
    if format == "json":
        emit(json.dumps(_document(comparison), ensure_ascii=False, indent=2) + "\n")
    else:
        emit(differences.render(comparison, stdout_style(color, os.environ, everything=False)))


def _document(comparison: Comparison) -> dict[str, Any]:
    return {
        "before": asdict(comparison.before),
        "after": asdict(comparison.after),
        "appeared": [_finding(found) for found in comparison.new],
        "stayed": [_finding(found) for found in comparison.unchanged],
        "went": [{**_finding(found), "ending": ending} for found, ending in comparison.resolved],
        "hidden": [_finding(found) for found in comparison.unobserved],
        "newly_unknown": [_finding(found) for found in comparison.newly_unknown],
        "known_again": [{**_finding(found), "verdict_now": now} for found, now in comparison.observed_again],
    }


def _finding(found: Finding) -> dict[str, Any]:
    return {"id": found.id, **asdict(found)}
