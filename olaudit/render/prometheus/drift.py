"""Drift series of a report: which are 0, which are counted, and which must not exist."""

from collections.abc import Iterator, Mapping
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
    counts: dict[DriftLabels, int] = {}
    unknown = set()
    for finding, labels in _labelled(report):
        if finding.verdict is Verdict.UNKNOWN:
            unknown.add(labels[:3])
        else:
            counts[labels] = counts.get(labels, 0) + (finding.verdict is Verdict.DRIFT)
    # a 0 would state that a finding with the same labels is as expected, although it is unknown
    return {labels: count for labels, count in counts.items() if count or labels[:3] not in unknown}


def drift_first_seen(report: Report) -> Mapping[tuple[str, str, str], str]:
    """Return when drift was first seen (RFC 3339 UTC) by host, check and subject: the oldest of each series."""
    oldest: dict[tuple[str, str, str], str] = {}
    for finding, labels in _labelled(report):
        if finding.verdict is Verdict.DRIFT and finding.first_seen:
            series = labels[:3]
            oldest[series] = min(oldest.get(series, finding.first_seen), finding.first_seen)
    return oldest


def _labelled(report: Report) -> Iterator[tuple[Finding, DriftLabels]]:
    """Yield the findings with the labels of their series."""
    subjects = {host.host: host.subjects for host in report.hosts}
    for finding in report.findings:
        # subjects of findings about the fleet as a whole come from the expected files only
        listed = finding.host == FLEET or finding.subject in subjects.get(finding.host, frozenset())
        subject = finding.subject if listed and finding.check not in _ALWAYS_UNNAMED else UNNAMED_SUBJECT
        yield finding, DriftLabels(finding.host, finding.check, subject, finding.severity)
