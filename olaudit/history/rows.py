"""What queries return, and the conversion between these values and table rows."""

import json
import sqlite3
from dataclasses import asdict, dataclass, fields

from olaudit.history.states import DriftEpisode
from olaudit.model import EpisodeEnd, Failure, Finding, RunSummary, Severity, Verdict, Waiver


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run, and how many drifts were new and resolved in it."""

    run: RunSummary
    new: int
    resolved: int


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject that was evaluated at least once, ok or not: its finding's id, and what the finding is about."""

    id: str
    host: str
    check: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Consecutive runs that gave one subject the same verdict.

    `first` and `last` are the starts of the first and the last of these runs (RFC 3339 UTC). `finding` is the
    finding of the last one, None if it was ok.
    """

    verdict: Verdict
    first: str
    last: str
    runs: int
    finding: Finding | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreachableSpan:
    """Consecutive runs that could not audit a host, for the same reason; the message is that of the last run.

    `first` and `last` are the starts of the first and the last of these runs (RFC 3339 UTC).
    """

    first: str
    last: str
    runs: int
    failure: Failure


# --- conversion --------------------------------------------------------------------------------------------------

FINDING = """
    subjects.id, subjects.host, subjects.check_id, subjects.subject,
    details.severity, details.expected, details.observed, details.message, details.fix, details.source,
    details.waiver
"""
"""The columns of a finding, except its verdict and age."""

Detail = tuple[str, str, str, str, str | None, str, str | None]
"""Values of a row of `details`: severity, expected, observed, message, fix, source, waiver."""

_RUN_COLUMNS = tuple(field.name for field in fields(RunSummary))


def run(row: sqlite3.Row) -> RunSummary:
    """Convert a row to the summary of a run."""
    columns = {name: row[name] for name in _RUN_COLUMNS}
    return RunSummary(**{**columns, "complete": bool(row["complete"])})


def detail(finding: Finding) -> Detail:
    """Convert a finding to the values of its `details` row."""
    return (
        finding.severity.value,
        finding.expected,
        finding.observed,
        finding.message,
        finding.fix,
        finding.source,
        json.dumps(asdict(finding.waiver), ensure_ascii=False) if finding.waiver else None,
    )


def finding(row: sqlite3.Row) -> Finding:
    """Convert a row to a finding."""
    verdict = Verdict(row["verdict"])
    return Finding(
        host=row["host"],
        check=row["check_id"],
        subject=row["subject"],
        verdict=verdict,
        severity=Severity(row["severity"]),
        expected=row["expected"],
        observed=row["observed"],
        message=row["message"],
        fix=row["fix"],
        source=row["source"],
        first_seen=row["first_seen"],
        waiver=Waiver(**json.loads(row["waiver"])) if row["waiver"] and verdict is Verdict.WAIVED else None,
    )


def episode(row: sqlite3.Row) -> DriftEpisode:
    """Convert a row to an episode."""
    ending = EpisodeEnd(row["ending"]) if row["ending"] else None
    return DriftEpisode(finding=finding(row), last_seen=row["last_seen"], ended=row["ended"], ending=ending)
