"""`olaudit explain`: one finding in full."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import click

from olaudit.cli.explanation import ExpectedFiles, Given, put_together
from olaudit.cli.finding_history import Told, gone, past_of
from olaudit.cli.fleet_audit import Tools
from olaudit.cli.naming import digits_of
from olaudit.cli.options import COLOR, EXPECTED, HISTORY, REPORTS, history_file
from olaudit.cli.output import emit, stdout_style
from olaudit.cli.reports import LATEST, find_finding, read_report
from olaudit.errors import UsageError
from olaudit.history import DriftEpisode
from olaudit.model import Failure, Finding, Waiver
from olaudit.render.ages import moment
from olaudit.render.document import Document, FindingPart
from olaudit.render.explanation import render

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="One finding in full: expected and why, observed, history, how to fix and verify.")
@click.argument("finding")
@click.option("--report", type=_FILE, metavar="FILE", help="The JSON report.  [default: latest.json in DIR]")
@REPORTS
@HISTORY
@EXPECTED
@click.option("--replay", type=_FILE, metavar="FILE", help="Take the raw answers from this recording.")
@COLOR
@click.pass_obj
def explain(  # noqa: PLR0913 - one per option
    tools: Tools,
    /,
    *,
    finding: str,
    report: Path | None,
    reports: Path,
    history: Path | None,
    expected: Path | None,
    replay: Path | None,
    color: str,
) -> None:
    """Explain one finding in full, for somebody who was woken by it.

    FINDING is its id, or the first four or more digits of it, as reports have it. Shown are what is expected and
    why, what was observed (which question, and its raw answer), since when, who accepts it if anybody does, how to
    fix it and how to verify. A finding that is gone is looked for in the history.

    \b
    Examples:
      olaudit explain 1fd59b13bbbc
      olaudit explain 1fd5 --report report.json --replay today.json

    \b
    Exit codes: 0 explained, 2 there is no such finding.
    """  # noqa: D301 - click reads the backspace itself
    document = read_report(report or reports / LATEST)
    file = history_file(reports, history)
    lives = gone(file, finding) if _is_missing(document, finding) else ()
    told = _gone(lives[-1], document) if lives else _told(document, finding)
    files = ExpectedFiles.find(expected, tools.checkers, told.revision)
    past = past_of(told, file, replay)
    explanation = put_together(told, files, tools.checkers, past, Given(report=report, expected=expected))
    emit(render(explanation, stdout_style(color, os.environ, everything=False)))


def _is_missing(document: Document, text: str) -> bool:
    """Say whether `text` could be an id, but is none in the report."""
    digits = digits_of(text)
    return digits is not None and not any(found.id.startswith(digits) for found in document.findings)


def _told(document: Document, text: str) -> Told:
    """Take a finding from the report. Raises UsageError, with the nearest id, where there is none."""
    try:
        part = find_finding(document, text)
    except UsageError as error:
        digits = text.strip().lower()
        ids = {found.id[: len(digits)]: found for found in document.findings}
        near = difflib.get_close_matches(digits, ids, 1, cutoff=0.7) if _is_missing(document, text) else ()
        named = [
            f"did you mean {one.id} ({one.host} {one.check} {one.subject})?" for one in map(ids.get, near) if one
        ]
        raise UsageError(error.message, named[0] if named else error.hint) from None
    failure = next((host.failure for host in document.hosts if host.host == part.host and host.failure), None)
    return Told(
        finding=_finding(part),
        reported=f"in the report of {moment(document.run.started_at)} (run {document.run.id})",
        run_id=document.run.id,
        at=document.run.started_at,
        revision=document.run.expected_revision,
        failure=Failure(failure.reason, failure.message) if failure else None,
    )


def _gone(life: DriftEpisode, document: Document) -> Told:
    """Take a finding that the report does not have as it was when it was last seen."""
    if life.ended:
        remark = f"this is gone ({life.ending}) since {moment(life.ended)}; below it is as it was last seen"
    else:
        remark = "it could not be looked at in the last report; below it is as it was last seen"
    return Told(
        finding=life.finding,
        reported=f"not in the report of {moment(document.run.started_at)}, last seen {moment(life.last_seen)}",
        run_id="",
        at=life.last_seen,
        revision="",
        remark=remark,
    )


def _finding(part: FindingPart) -> Finding:
    """Give a finding of the document as everything but the document has it."""
    said = {key: value for key, value in dict(part).items() if key not in ("id", "waiver")}
    return Finding(**said, waiver=Waiver(**dict(part.waiver)) if part.waiver else None)
