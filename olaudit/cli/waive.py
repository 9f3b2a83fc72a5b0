"""`olaudit waive`: the lines that accept a drift for a while."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import click

from olaudit.cli.fleet_audit import Tools
from olaudit.cli.options import REPORTS
from olaudit.cli.output import emit
from olaudit.cli.reports import LATEST, find_finding, read_report
from olaudit.errors import UsageError
from olaudit.expected.waivers import date_problem, parse_date
from olaudit.model import FLEET, Verdict
from olaudit.render.document import FindingPart
from olaudit.text import visible

_WHERE = "add this below `waivers:` in expected/waivers.yaml (in place of `[]`, if that is there)"
_NO_USE = {
    Verdict.OK: "is as expected: there is nothing to waive",
    Verdict.UNKNOWN: "is unknown: what was not seen cannot be waived",
}


@click.command(short_help="Print the lines that waive a finding, for expected/waivers.yaml.")
@click.argument("finding")
@click.option("--reason", required=True, metavar="TEXT", help="Why it is accepted.")
@click.option("--until", required=True, metavar="YYYY-MM-DD", help="The last day (UTC) on which it is accepted.")
@click.option("--ticket", metavar="TEXT", help="Where it is written up.")
@click.option("--owner", metavar="NAME", help="Who answers for it.  [default: $USER, else $LOGNAME]")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The JSON report that has the finding.  [default: latest.json in the reports' folder]",
)
@REPORTS
@click.pass_obj
def waive(  # noqa: PLR0913 - as many as it has options
    tools: Tools,
    /,
    *,
    finding: str,
    reason: str,
    until: str,
    ticket: str | None,
    owner: str | None,
    report: Path | None,
    reports: Path,
) -> None:
    """Print the lines that waive FINDING, to be added to expected/waivers.yaml. Nothing is changed.

    FINDING is the id of a drift in a JSON report, or the beginning of one: four digits will do.

    \b
    Examples:
      olaudit waive 3f1c2d9a7b60 --reason 'renamed with the next deploy' --ticket '#1234' --until 2027-01-31
      olaudit check -o json=now.json; olaudit waive 3f1c --report now.json ...
    """  # noqa: D301 - click reads the backspace itself
    said = {"owner": _owner(owner, os.environ), "reason": reason} | ({} if ticket is None else {"ticket": ticket})
    for name, text in said.items():
        if not text.strip():
            raise UsageError(f"--{name} must not be empty", "a waiver says who accepts what, why, and until when")
    day = _last_day(until, tools.now().date())
    found = find_finding(read_report(report or reports / LATEST), finding)
    _check(found)
    emit(_item(_target(found) | {"observed": found.observed} | said | {"expires": day.isoformat()}))
    click.echo(_WHERE, err=True)


def _owner(named: str | None, environ: Mapping[str, str]) -> str:
    if (owner := named if named is not None else environ.get("USER") or environ.get("LOGNAME")) is None:
        raise UsageError("nobody answers for this waiver", "name somebody with --owner NAME")
    return owner


def _last_day(text: str, today: date) -> date:
    try:
        day = parse_date(text)
    except ValueError as error:
        raise UsageError(f"--until: {error}") from None
    if day < today:
        raise UsageError(f"--until: {day} is past", f"today is {today} (UTC)")
    if said := date_problem(day, today):
        raise UsageError(f"--until: {said}")
    return day


def _check(found: FindingPart) -> None:
    """Make sure that there is something to waive."""
    what = f"{found.id} ({found.host} {found.check} {found.subject})"
    if found.verdict in _NO_USE:
        raise UsageError(f"{what} {_NO_USE[found.verdict]}")
    if found.waiver:
        waiver = found.waiver
        raise UsageError(
            f"{what} is waived already, by {waiver.owner} until {waiver.expires}", f"see {waiver.source}"
        )
    if found.host == FLEET:
        raise UsageError(
            f"{what} is about a waiver, and is mended in expected/waivers.yaml", f"see {found.source}"
        )


def _target(found: FindingPart) -> dict[str, str]:
    """Name the finding so that people can read it, where that can be done."""
    if not found.subject:
        return {"finding": found.id}
    return {"host": found.host, "check": found.check, "subject": glob.escape(found.subject)}


def _item(values: Mapping[str, str]) -> str:
    """Write an item of a list in YAML. JSON's strings are YAML's, once all that does not print is visible."""
    lines = [f"{key}: {json.dumps(_printable(text), ensure_ascii=False)}" for key, text in values.items()]
    return "  - " + "\n    ".join(lines) + "\n"


def _printable(text: str) -> str:
    return "\n".join(visible(line) for line in text.splitlines())
