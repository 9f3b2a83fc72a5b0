"""`olaudit history`: what earlier runs saw, of the fleet, a host or a finding."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from olaudit.cli.naming import SHORTEST, digits_of, the_one
from olaudit.cli.options import COLOR, HISTORY, REPORTS, format_option, history_file
from olaudit.cli.output import emit, stdout_style
from olaudit.errors import UsageError
from olaudit.expected.messages import suggest
from olaudit.history import DriftEpisode, History, Subject
from olaudit.render import history as rendering
from olaudit.render.style import Style


@click.command(short_help="Show what earlier runs saw: of the fleet, a host, or a finding.")
@click.argument("about", required=False, metavar="[HOST|FINDING]")
@REPORTS
@HISTORY
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=1_000_000),
    default=30,
    show_default=True,
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
    """Show what earlier runs of `olaudit report` saw. It asks no host.

    Without an argument: the runs, newest first. HOST: its drifts, and when it could not be audited. FINDING (its
    id, or at least four digits that begin it): since when it has been drift, and all that was said of it.

    \b
    Examples:
      olaudit history
      olaudit history ol-home0
      olaudit history 3fa9c1
      olaudit history --limit 365 -f json
    """  # noqa: D301 - click reads the backspace itself
    style = stdout_style(color, os.environ, everything=False)
    as_json = format == "json"
    with History.open(history_file(reports, history), create=False) as past:
        if about is None:
            emit(_runs(past, limit, None if as_json else style))
        elif host := _host(past, about):
            emit(_of_host(past, host, None if as_json else style))
        else:
            emit(_of_finding(past, _finding(past, about), None if as_json else style))


def _runs(past: History, limit: int, style: Style | None) -> str:
    found = past.recent_runs(limit + 1)
    if style:
        return rendering.runs(found[:limit], style, more=len(found) > limit)
    return _json([{**asdict(one.run), "appeared": one.new, "went": one.resolved} for one in found[:limit]])


def _of_host(past: History, host: str, style: Style | None) -> str:
    lives, troubles = past.host_episodes(host), past.unreachable_spans(host)
    if style:
        return rendering.host(host, lives, troubles, past.find_run("latest"), style)
    return _json(
        {"host": host, "drifts": [_life(one) for one in lives], "not_audited": [asdict(one) for one in troubles]}
    )


def _of_finding(past: History, subject: Subject, style: Style | None) -> str:
    lives, spells = past.episodes(subject.id), past.spans(subject.id)
    if style:
        return rendering.finding(subject, lives, spells, past.find_run("latest"), style)
    said = [asdict(one) for one in spells]
    return _json({**asdict(subject), "drifts": [_life(one) for one in lives], "said": said})


def _life(life: DriftEpisode) -> Mapping[str, Any]:
    return {"id": life.finding.id, **asdict(life)}


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _host(past: History, about: str) -> str | None:
    """Give the host that is meant, short or fully qualified."""
    known = past.hosts()
    return next((name for name in (about.lower(), about.lower().partition(".")[0]) if name in known), None)


def _finding(past: History, about: str) -> Subject:
    """Give the one finding that is meant. Raises UsageError where it is none, or one of several."""
    if (digits := digits_of(about)) is None:
        raise UsageError(
            f"no host called {about!r} is in the history{suggest(about, past.hosts())}",
            f"a finding is named by {SHORTEST} to 12 hex digits of its id",
        )
    if (found := the_one(past.find_subjects(digits), digits)) is None:
        raise UsageError(
            f"no finding in the history has an id that begins with {digits}",
            "`olaudit history HOST` shows a host's",
        )
    return found
