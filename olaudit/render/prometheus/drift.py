"""Drift series of a report: which are 0, which are counted, and which must not exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from olaudit.model import FLEET, Finding, Report, Verdict

UNNAMED_SUBJECT = ""
"""Subject of findings that no expected file names: they are counted under it, so that hosts cannot add series."""

# The expected files never name what these checks report; 0 means evaluated, and nothing unexpected.
_ALWAYS_UNNAMED = frozenset({"container.unexpected"})


class DriftLabels(NamedTuple):
    """The labels of one drift series."""

    host: str
    check: str
    subject: str
    severity: str


def count_drift(report: Report) -> Mapping[DriftLabels, int]:
    """Count drift by series; 0 means as expected or waived.

    Unknown findings have no series, because unknown is not 0. A subject that a host can choose is never a label.
    """
    subjects = {host.host: host.subjects for host in report.hosts}
    counts: dict[DriftLabels, int] = {}
    for finding in report.findings:
        if finding.verdict is not Verdict.UNKNOWN:
            labels = _labels(finding, subjects)
            counts[labels] = counts.get(labels, 0) + (finding.verdict is Verdict.DRIFT)
    return _without_partly_unknown(report, subjects, counts)


def drift_first_seen(report: Report) -> Mapping[tuple[str, str, str], str]:
    """Return when drift was first seen (RFC 3339 UTC) by host, check and subject: the oldest of each series."""
    subjects = {host.host: host.subjects for host in report.hosts}
    oldest: dict[tuple[str, str, str], str] = {}
    for finding in report.findings:
        if finding.verdict is Verdict.DRIFT and finding.first_seen:
            labels = _labels(finding, subjects)[:3]
            oldest[labels] = min(oldest.get(labels, finding.first_seen), finding.first_seen)
    return oldest


def _labels(finding: Finding, subjects: Mapping[str, frozenset[str]]) -> DriftLabels:
    # subjects of findings about the fleet as a whole come from the expected files only
    listed = finding.host == FLEET or finding.subject in subjects.get(finding.host, frozenset())
    subject = finding.subject if listed and finding.check not in _ALWAYS_UNNAMED else UNNAMED_SUBJECT
    return DriftLabels(finding.host, finding.check, subject, finding.severity)


def _without_partly_unknown(
    report: Report, subjects: Mapping[str, frozenset[str]], counts: Mapping[DriftLabels, int]
) -> Mapping[DriftLabels, int]:
    """Remove series of 0 if a finding with the same labels is unknown."""
    unknown = {_labels(finding, subjects)[:3] for finding in report.findings if finding.verdict is Verdict.UNKNOWN}
    return {labels: count for labels, count in counts.items() if count or labels[:3] not in unknown}
