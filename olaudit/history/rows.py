"""Rows of the tables to values, and back."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict

from olaudit.history.states import DriftEpisode
from olaudit.model import EpisodeEnd, Finding, RunSummary, Severity, Verdict, Waiver

FINDING = """
    subjects.id, subjects.host, subjects.check_id, subjects.subject,
    details.severity, details.expected, details.observed, details.message, details.fix, details.source,
    details.waiver
"""
"""The columns of a finding, but for its verdict and age."""

LIFE = f"{FINDING}, lives.verdict, lives.first_seen, lives.last_seen, lives.ended, lives.ending"
"""The columns of a life."""

Detail = tuple[str, str, str, str, str | None, str, str | None]
"""What a row of `details` says: severity, expected, observed, message, fix, source, waiver."""


def detail(finding: Finding) -> Detail:
    """Give what is kept of a finding that is not ok, beside its verdict."""
    waiver = json.dumps(asdict(finding.waiver), ensure_ascii=False) if finding.waiver else None
    said = (finding.severity.value, finding.expected, finding.observed, finding.message, finding.fix)
    return (*said, finding.source, waiver)


def finding(row: sqlite3.Row) -> Finding:
    """Read a finding."""
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
    """Read a life."""
    ending = EpisodeEnd(row["ending"]) if row["ending"] else None
    return DriftEpisode(finding=finding(row), last_seen=row["last_seen"], ended=row["ended"], ending=ending)


def run(row: sqlite3.Row) -> RunSummary:
    """Read a run."""
    return RunSummary(
        id=row["id"],
        started_at=row["started_at"],
        complete=bool(row["complete"]),
        hosts=row["hosts"],
        unreachable=row["unreachable"],
        ok=row["ok"],
        drift=row["drift"],
        unknown=row["unknown"],
        waived=row["waived"],
    )
