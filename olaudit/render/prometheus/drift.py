"""Which drift series a report comes to: what is zero, what is counted, and what must have no series at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from olaudit.model import FLEET, Finding, Report, Verdict

NAMELESS = ""
"""The subject of all that a host brought up and no expected file names: it is counted, and adds no series."""

# What it finds is never named in the expected files; a zero says that it looked and found nothing.
_ALWAYS_NAMELESS = frozenset({"container.unexpected"})


class Key(NamedTuple):
    """The labels of one drift series."""

    host: str
    check: str
    subject: str
    severity: str


def drifts(report: Report) -> Mapping[Key, int]:
    """Count drift by series: 0 is as expected, or waived.

    What is unknown has no series, for it is not zero. A subject that a host can choose is never a label.
    """
    subjects = {host.host: host.subjects for host in report.hosts}
    counts: dict[Key, int] = {}
    for finding in report.findings:
        if finding.verdict is not Verdict.UNKNOWN:
            key = _key(finding, subjects)
            counts[key] = counts.get(key, 0) + (finding.verdict is Verdict.DRIFT)
    return _without_half_seen(report, subjects, counts)


def first_seen(report: Report) -> Mapping[tuple[str, str, str], str]:
    """Give since when (RFC 3339 UTC) there is drift, by host, check and subject; the oldest of what is counted."""
    subjects = {host.host: host.subjects for host in report.hosts}
    since: dict[tuple[str, str, str], str] = {}
    for finding in report.findings:
        if finding.verdict is Verdict.DRIFT and finding.first_seen:
            labels = _key(finding, subjects)[:3]
            since[labels] = min(since.get(labels, finding.first_seen), finding.first_seen)
    return since


def _key(finding: Finding, subjects: Mapping[str, frozenset[str]]) -> Key:
    # findings about the fleet as a whole speak of the expected files only
    listed = finding.host == FLEET or finding.subject in subjects.get(finding.host, frozenset())
    subject = finding.subject if listed and finding.check not in _ALWAYS_NAMELESS else NAMELESS
    return Key(finding.host, finding.check, subject, finding.severity)


def _without_half_seen(
    report: Report, subjects: Mapping[str, frozenset[str]], counts: Mapping[Key, int]
) -> Mapping[Key, int]:
    """Drop zeros beside which something of the same labels is unknown."""
    unknown = {_key(found, subjects)[:3] for found in report.findings if found.verdict is Verdict.UNKNOWN}
    return {key: count for key, count in counts.items() if count or key[:3] not in unknown}
