"""Findings grouped for the page: by host, the worst host first, and within a host by cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from olaudit.model import FLEET, Failure, Finding, HostResult, Report, Severity, Verdict
from olaudit.render.ages import age
from olaudit.render.html.text_diff import Segments, diff_texts
from olaudit.render.style import Style

_VERDICT_ORDER = (Verdict.DRIFT, Verdict.UNKNOWN, Verdict.WAIVED, Verdict.OK)
_SEVERITIES = tuple(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One finding. `anchor` is its id in the page; `badge` is "new", "newly unknown" or empty."""

    finding: Finding
    anchor: str
    badge: str
    age: str
    expected: Segments
    observed: Segments
    days_left: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The findings of one host. A block holds findings of one cause; `failure` is set if it was not audited."""

    host: str
    anchor: str
    failure: Failure | None
    counts: str
    blocks: tuple[tuple[Entry, ...], ...]
    ok: tuple[Entry, ...]


def group_findings(report: Report, style: Style) -> Iterator[Group]:
    """Group the selected findings by host: hosts that could not be audited first, then by the worst finding."""
    by_host = groupby(_entries(report, style), key=lambda entry: entry.finding.host)
    entries = {host: tuple(of_host) for host, of_host in by_host}
    results = {host.host: host for host in report.hosts}
    for host in sorted(entries, key=lambda host: _urgency(host, results.get(host), entries[host])):
        yield _group(host, results.get(host), entries[host])


def host_anchor(host: str) -> str:
    """Return the id of a host's findings in the page."""
    return "fleet-wide" if host == FLEET else f"h-{host}"


def format_counts(findings: Iterable[Finding]) -> str:
    """Count findings by verdict: `2 drift, 1 unknown`."""
    verdicts = [finding.verdict for finding in findings]
    return ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in _VERDICT_ORDER if verdict in verdicts)


def rank(finding: Finding) -> tuple[int, int]:
    """Return a sort key by urgency: drift first, then by severity."""
    return _VERDICT_ORDER.index(finding.verdict), _SEVERITIES.index(finding.severity)


def finding_tone(finding: Finding) -> str:
    """Return the tone of a finding, a CSS class of the page: the severity of drift, else the verdict."""
    return str(finding.severity if finding.verdict is Verdict.DRIFT else finding.verdict)


def _entries(report: Report, style: Style) -> Iterator[Entry]:
    uses: dict[str, int] = {}
    badges = _badges(report)
    for finding in style.select_findings(report):
        id_ = finding.id
        uses[id_] = uses.get(id_, 0) + 1
        anchor = id_ if uses[id_] == 1 else f"{id_}-{uses[id_]}"
        ok = finding.verdict is Verdict.OK
        expected, observed = ((), ()) if ok else diff_texts(finding.expected, finding.observed)
        yield Entry(
            finding=finding,
            anchor=anchor,
            badge="" if ok else badges.get(id_, ""),
            age=_age(finding, report),
            expected=expected,
            observed=observed,
            days_left=_days_left(finding, report),
        )


def _badges(report: Report) -> Mapping[str, str]:
    if not report.changes:
        return {}
    return dict.fromkeys(report.changes.newly_unknown, "newly unknown") | dict.fromkeys(report.changes.new, "new")


def _age(finding: Finding, report: Report) -> str:
    """Format the age of the finding; empty if it was first seen in this run, or without history."""
    now = report.run.started_at
    return age(finding.first_seen, now) if finding.first_seen and finding.first_seen != now else ""


def _days_left(finding: Finding, report: Report) -> int | None:
    """Count the days after the day of the run on which the finding's waiver still applies."""
    if not finding.waiver:
        return None
    return (date.fromisoformat(finding.waiver.expires) - datetime.fromisoformat(report.run.started_at).date()).days


def _urgency(host: str, result: HostResult | None, entries: Sequence[Entry]) -> tuple[bool, int, int, int, str]:
    ranks = [rank(entry.finding) for entry in entries]
    worst = min(ranks)
    return (not (result and result.failure), *worst, -ranks.count(worst), host)


def _group(host: str, result: HostResult | None, entries: Sequence[Entry]) -> Group:
    return Group(
        host="The fleet as a whole" if host == FLEET else host,
        anchor=host_anchor(host),
        failure=result.failure if result else None,
        counts=format_counts(entry.finding for entry in entries),
        blocks=tuple(_blocks(entry for entry in entries if entry.finding.verdict is not Verdict.OK)),
        ok=tuple(entry for entry in entries if entry.finding.verdict is Verdict.OK),
    )


def _blocks(entries: Iterable[Entry]) -> Iterator[tuple[Entry, ...]]:
    causes: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: rank(entry.finding)):
        unknown = entry.finding.verdict is Verdict.UNKNOWN
        causes.setdefault(f"because {entry.finding.message}" if unknown else entry.anchor, []).append(entry)
    return (tuple(same_cause) for same_cause in causes.values())
