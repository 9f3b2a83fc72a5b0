"""`olaudit explain`: one finding in full."""

import difflib
import os
from pathlib import Path

import click

from olaudit.cli.explanation import ExpectedFiles, PathOptions, build_explanation
from olaudit.cli.finding_background import ReportedFinding, find_episodes, load_background
from olaudit.cli.finding_ids import describe, parse_id_prefix
from olaudit.cli.fleet_audit import Tools
from olaudit.cli.options import COLOR, EXPECTED, HISTORY, REPORTS, history_file
from olaudit.cli.output import emit, stdout_style
from olaudit.cli.saved_reports import LATEST, find_finding, read_report
from olaudit.errors import UsageError
from olaudit.history import DriftEpisode
from olaudit.model import Failure, Finding, Waiver
from olaudit.render.document import Document, FindingPart
from olaudit.render.explanation import render
from olaudit.render.view import moment

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Explain one finding: expectation, evidence, history, fix.")
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
    """Explain one finding: expectation, evidence, history, fix.

    FINDING is the id of a finding in the report, or its first four or more digits. A finding that is not in the
    report is looked up in the history. The explanation has the expected value with its source, the observed value
    with the probes and their raw answers, the waiver, the history, the fix, and commands that verify the fix.

    \b
    Examples:
      olaudit explain 1fd59b13bbbc
      olaudit explain 1fd5 --report report.json --replay today.json

    \b
    Exit codes: 0 explained, 2 there is no such finding.
    """  # noqa: D301 - click reads the backspace itself
    document = read_report(report or reports / LATEST)
    file = history_file(reports, history)
    episodes = find_episodes(file, finding) if _is_absent_id(document, finding) else ()
    reported = _from_history(episodes[-1], document) if episodes else _from_report(document, finding)
    files = ExpectedFiles.load(expected, tools.checkers, reported.revision)
    background = load_background(reported, file, replay)
    options = PathOptions(report=report, expected=expected)
    explanation = build_explanation(reported, files, tools.checkers, background, options)
    emit(render(explanation, stdout_style(color, os.environ, everything=False)))


def _is_absent_id(document: Document, text: str) -> bool:
    """Check whether `text` can be an id, but none of the report's."""
    prefix = parse_id_prefix(text)
    return prefix is not None and not any(finding.id.startswith(prefix) for finding in document.findings)


def _from_report(document: Document, text: str) -> ReportedFinding:
    """Find a finding in the report. Raises UsageError, with the most similar id, if there is none."""
    try:
        part = find_finding(document, text)
    except UsageError as error:
        hint = _suggestion(document, text) if _is_absent_id(document, text) else None
        raise UsageError(error.message, hint or error.hint) from None
    failure = next((host.failure for host in document.hosts if host.host == part.host and host.failure), None)
    return ReportedFinding(
        finding=_finding(part),
        reported=f"in the report of {moment(document.run.started_at)} (run {document.run.id})",
        run_id=document.run.id,
        started_at=document.run.started_at,
        revision=document.run.expected_revision,
        failure=Failure(failure.reason, failure.message) if failure else None,
    )


def _suggestion(document: Document, text: str) -> str | None:
    digits = text.strip().lower()
    findings = {finding.id[: len(digits)]: finding for finding in document.findings}
    for similar in difflib.get_close_matches(digits, findings, 1, cutoff=0.7):
        return f"did you mean {findings[similar].id} {describe(findings[similar])}?"
    return None


def _from_history(episode: DriftEpisode, document: Document) -> ReportedFinding:
    """Convert the last episode of a finding that is not in the report."""
    if episode.ended:
        remark = f"resolved ({episode.ending}) on {moment(episode.ended)}; the finding is shown as last seen"
    else:
        remark = "the last report could not observe it; the finding is shown as last seen"
    return ReportedFinding(
        finding=episode.finding,
        reported=f"not in the report of {moment(document.run.started_at)}, last seen {moment(episode.last_seen)}",
        run_id="",
        started_at=episode.last_seen,
        revision="",
        remark=remark,
    )


def _finding(part: FindingPart) -> Finding:
    """Convert a finding of the document."""
    fields = {key: value for key, value in dict(part).items() if key not in ("id", "waiver")}
    return Finding(**fields, waiver=Waiver(**dict(part.waiver)) if part.waiver else None)
