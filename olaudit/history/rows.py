"""Conversion between values and table rows."""

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
"""The columns of a finding, except its verdict and age."""

EPISODE = f"{FINDING}, episodes.verdict, episodes.first_seen, episodes.last_seen, episodes.ended, episodes.ending"
"""The columns of an episode."""

Detail = tuple[str, str, str, str, str | None, str, str | None]
"""Values of a row of `details`: severity, expected, observed, message, fix, source, waiver."""


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


def run(row: sqlite3.Row) -> RunSummary:
    """Convert a row to the summary of a run."""
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
