"""`olaudit waive`: print the waiver of a finding."""

import glob
import json
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import click

from olaudit.cli.finding_ids import describe
from olaudit.cli.fleet_audit import Tools
from olaudit.cli.options import REPORTS
from olaudit.cli.output import emit
from olaudit.cli.saved_reports import LATEST, find_finding, read_report
from olaudit.errors import UsageError
from olaudit.expected.waivers import date_problem, parse_date
from olaudit.model import FLEET, Verdict
from olaudit.render.document import FindingPart
from olaudit.text import visible

_WHERE = "add this below `waivers:` in expected/waivers.yaml (it replaces `[]`, if that is there)"
_NOT_WAIVABLE = {
    Verdict.OK: "is as expected: there is nothing to waive",
    Verdict.UNKNOWN: "is unknown: an unobserved value cannot be waived",
}


@click.command(short_help="Print the waiver of a finding, for expected/waivers.yaml.")
@click.argument("finding")
@click.option("--reason", required=True, metavar="TEXT", help="Why the drift is accepted.")
@click.option(
    "--until", required=True, metavar="YYYY-MM-DD", help="The last day (UTC) on which the drift is accepted."
)
@click.option("--ticket", metavar="TEXT", help="The ticket that describes it.")
@click.option("--owner", metavar="NAME", help="Who is responsible for it.  [default: $USER, else $LOGNAME]")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The JSON report that has the finding.  [default: latest.json in the reports' folder]",
)
@REPORTS
@click.pass_obj
def waive(  # noqa: PLR0913 - one per option
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
    """Print the waiver of FINDING, to be added to expected/waivers.yaml. No file is changed.

    FINDING is the id of a drift in a JSON report, or its first four or more digits.

    \b
    Examples:
      olaudit waive 3f1c2d9a7b60 --reason 'renamed with the next deploy' --ticket '#1234' --until 2027-01-31
      olaudit check -o json=now.json; olaudit waive 3f1c --report now.json ...
    """  # noqa: D301 - click reads the backspace itself
    texts = {"owner": _owner(owner, os.environ), "reason": reason}
    if ticket is not None:
        texts["ticket"] = ticket
    for name, text in texts.items():
        if not text.strip():
            raise UsageError(
                f"--{name} must not be empty",
                "a waiver has an owner, a reason and an expiry date; a ticket is optional",
            )
    expires = _expiry_date(until, tools.now().date())
    part = find_finding(read_report(report or reports / LATEST), finding)
    _check_waivable(part)
    emit(_waiver_yaml(_target(part) | {"observed": part.observed} | texts | {"expires": expires.isoformat()}))
    click.echo(_WHERE, err=True)


def _owner(option: str | None, environ: Mapping[str, str]) -> str:
    if option is not None:
        return option
    if (user := environ.get("USER") or environ.get("LOGNAME")) is None:
        raise UsageError("cannot determine the owner of the waiver", "name the owner with --owner NAME")
    return user


def _expiry_date(text: str, today: date) -> date:
    """Parse --until. Raises UsageError for a date that is past, or too far away."""
    try:
        day = parse_date(text)
    except ValueError as error:
        raise UsageError(f"--until: {error}") from None
    if day < today:
        raise UsageError(f"--until: {day} is past", f"today is {today} (UTC)")
    if problem := date_problem(day, today):
        raise UsageError(f"--until: {problem}")
    return day


def _check_waivable(finding: FindingPart) -> None:
    """Raise UsageError if the finding cannot be waived."""
    name = f"{finding.id} {describe(finding)}"
    if finding.verdict in _NOT_WAIVABLE:
        raise UsageError(f"{name} {_NOT_WAIVABLE[finding.verdict]}")
    if finding.waiver:
        waiver = finding.waiver
        raise UsageError(
            f"{name} is waived already, by {waiver.owner} until {waiver.expires}", f"see {waiver.source}"
        )
    if finding.host == FLEET:
        raise UsageError(
            f"{name} is about a waiver, and is fixed in expected/waivers.yaml", f"see {finding.source}"
        )


def _target(finding: FindingPart) -> dict[str, str]:
    """Name the finding by host, check and subject; by its id if the subject is empty."""
    if not finding.subject:
        return {"finding": finding.id}
    return {"host": finding.host, "check": finding.check, "subject": glob.escape(finding.subject)}


def _waiver_yaml(values: Mapping[str, str]) -> str:
    """Format an item of a YAML list. JSON strings are YAML strings, once unprintable characters are escaped."""
    lines = [f"{key}: {json.dumps(_printable(text), ensure_ascii=False)}" for key, text in values.items()]
    return "  - " + "\n    ".join(lines) + "\n"


def _printable(text: str) -> str:
    return "\n".join(visible(line) for line in text.splitlines())
