"""What all formats share: the order, groups and counts of findings, and the wording of counts and times."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from olaudit.model import Failure, Finding, Report, Severity, Verdict

T = TypeVar("T")
K = TypeVar("K")

VERDICT_ORDER = (Verdict.DRIFT, Verdict.UNKNOWN, Verdict.WAIVED, Verdict.OK)
"""The verdicts, the most urgent first."""

MORE = " ... (json has more)"
"""The end of a shortened value, in formats for readers."""

_SEVERITIES = tuple(Severity)
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))


# --- order and groups ------------------------------------------------------------------------------------------


def severity_rank(finding: Finding) -> int:
    """Return a sort key: critical first."""
    return _SEVERITIES.index(finding.severity)


def rank(finding: Finding) -> tuple[int, int]:
    """Return a sort key by urgency: drift first, then by severity."""
    return VERDICT_ORDER.index(finding.verdict), severity_rank(finding)


def group(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Group `items` by `key`. Groups have the order of their first items, which need not be adjacent."""
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def group_by_host(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Group findings by host."""
    return group(findings, lambda finding: finding.host)


def worst_first(findings: Mapping[str, Sequence[Finding]]) -> list[str]:
    """Sort the hosts of `findings` by the rank of their worst finding, the number of these, and name."""

    def urgency(host: str) -> tuple[int, int, int, str]:
        ranks = [rank(finding) for finding in findings[host]]
        worst = min(ranks)
        return (*worst, -ranks.count(worst), host)

    return sorted(findings, key=urgency)


def failures(report: Report) -> dict[str, Failure]:
    """Return the failures of the hosts that could not be audited, by host."""
    return {host.host: host.failure for host in report.hosts if host.failure}


def common_cause(message: str, host: str) -> str:
    """Return the cause of a host's failure.

    Messages that differ only in the host's name have one cause: a jump host that is down is one entry.
    """
    return message.replace(host, "<host>")


def entry_title(findings: Sequence[Finding]) -> str:
    """Return the title of the entry of one finding, or of several with one cause."""
    first = findings[0]
    return f"{first.check}  {first.subject}" if len(findings) == 1 else f"{len(findings)} checks, one cause"


def tone(finding: Finding) -> str:
    """Return the tone of a finding: the severity of drift, else the verdict. Tones are colours and CSS classes."""
    return str(finding.severity if finding.verdict is Verdict.DRIFT else finding.verdict)


def verdict_tone(verdict: Verdict) -> str:
    """Return the tone of a verdict of several findings: that of the most severe drift, else the verdict."""
    return str(Severity.CRITICAL if verdict is Verdict.DRIFT else verdict)


# --- counts ----------------------------------------------------------------------------------------------------


def count_verdicts(findings: Iterable[Finding], verdicts: Iterable[Verdict] = Verdict) -> dict[Verdict, int]:
    """Count findings by verdict, for all of `verdicts` and in their order."""
    verdict_of_each = [finding.verdict for finding in findings]
    return {verdict: verdict_of_each.count(verdict) for verdict in verdicts}


def format_counts(findings: Iterable[Finding]) -> str:
    """Count findings by verdict, without zeros: `2 drift, 1 unknown`."""
    counts = count_verdicts(findings, VERDICT_ORDER)
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def pluralize(count: int, noun: str) -> str:
    """Format a count: `1 host`, `2 hosts`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def audited(report: Report) -> str:
    """Format how many hosts were audited: `3 of 4`."""
    return f"{len(report.hosts) - report.unreachable} of {len(report.hosts)}"


def audited_hosts(report: Report) -> str:
    """Format how many hosts were audited: `3 of 4 hosts`, `1 of 1 host`."""
    return f"{len(report.hosts) - report.unreachable} of {pluralize(len(report.hosts), 'host')}"


def coverage(report: Report) -> str:
    """Format what was audited, and when: `9 checks; 3 of 4 hosts audited, 2026-11-20 03:00 UTC`."""
    return f"{len(report.findings)} checks; {audited(report)} hosts audited, {moment(report.run.started_at)}"


def interruption(report: Report) -> str:
    """Format when the run was interrupted: `interrupted after 4.2 s`."""
    return f"interrupted after {report.run.duration_seconds:.1f} s"


# --- times -----------------------------------------------------------------------------------------------------


def moment(rfc3339: str | None) -> str:
    """Format a time (RFC 3339, UTC) to the minute, as `2026-11-20 03:00 UTC`."""
    return f"{datetime.fromisoformat(rfc3339):%Y-%m-%d %H:%M} UTC" if rfc3339 else "an unknown time"


def age(since: str, until: str) -> str:
    """Format the time between two times (RFC 3339) in the largest unit that fits at least once: `3 days`."""
    seconds = (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()
    for length, unit in _UNITS:
        if seconds >= length:
            return pluralize(int(seconds // length), unit)
    return "less than a minute"
