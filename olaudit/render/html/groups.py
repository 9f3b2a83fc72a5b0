"""The findings as the page shows them: by host, the worst host first, what has one cause together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from olaudit.model import FLEET, Failure, Finding, HostResult, Report, Severity, Verdict
from olaudit.render.ages import age
from olaudit.render.html.differing import Parts, differing
from olaudit.render.style import Style

LOUDNESS = (Verdict.DRIFT, Verdict.UNKNOWN, Verdict.WAIVED, Verdict.OK)
_SEVERITIES = tuple(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One finding: `anchor` is its place in the page, `news` what earlier runs make of it, or nothing."""

    finding: Finding
    anchor: str
    news: str
    age: str
    expected: Parts
    observed: Parts
    days_left: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One host: why it could not be audited, if so; its blocks, which are findings of one cause; what is ok."""

    host: str
    anchor: str
    failure: Failure | None
    counts: str
    blocks: tuple[tuple[Entry, ...], ...]
    ok: tuple[Entry, ...]


def groups(report: Report, style: Style) -> Iterator[Group]:
    """Group what is to be shown: hosts nobody could look at, then those with the most urgent findings."""
    entries = list(_entries(report, style))
    shown = {host: tuple(found) for host, found in groupby(entries, key=lambda entry: entry.finding.host)}
    results = {host.host: host for host in report.hosts}
    for host in sorted(shown, key=lambda host: _urgency(host, results.get(host), shown[host])):
        yield _group(host, results.get(host), shown[host])


def anchor_of(host: str) -> str:
    """Name the place of a host's findings in the page."""
    return "fleet-wide" if host == FLEET else f"h-{host}"


def counted(findings: Iterable[Finding]) -> str:
    """Count by verdict: `2 drift, 1 unknown`."""
    verdicts = [found.verdict for found in findings]
    return ", ".join(f"{verdicts.count(one)} {one}" for one in LOUDNESS if one in verdicts)


def rank(finding: Finding) -> tuple[int, int]:
    """Sort by what is the more urgent: drift first, and the more severe."""
    return LOUDNESS.index(finding.verdict), _SEVERITIES.index(finding.severity)


def tone(finding: Finding) -> str:
    """Choose the tone of a finding, a class of the page: drift's is its severity, else the verdict."""
    return str(finding.severity if finding.verdict is Verdict.DRIFT else finding.verdict)


def _entries(report: Report, style: Style) -> Iterator[Entry]:
    taken: dict[str, int] = {}
    news = _news(report)
    for found in style.shows(report):
        id_ = found.id
        taken[id_] = taken.get(id_, 0) + 1
        anchor = id_ if taken[id_] == 1 else f"{id_}-{taken[id_]}"
        quiet = found.verdict is Verdict.OK
        expected, observed = ((), ()) if quiet else differing(found.expected, found.observed)
        yield Entry(
            finding=found,
            anchor=anchor,
            news=news.get(id_, "") if not quiet else "",
            age=_age(found, report),
            expected=expected,
            observed=observed,
            days_left=_days_left(found, report),
        )


def _news(report: Report) -> Mapping[str, str]:
    if not report.changes:
        return {}
    return dict.fromkeys(report.changes.newly_unknown, "newly unknown") | dict.fromkeys(report.changes.new, "new")


def _age(found: Finding, report: Report) -> str:
    """Say for how long it has been so; nothing where this run is the first to see it, or nobody knows."""
    now = report.run.started_at
    return age(found.first_seen, now) if found.first_seen and found.first_seen != now else ""


def _days_left(found: Finding, report: Report) -> int | None:
    """Count the days on which the waiver still holds, after that of the run."""
    if not found.waiver:
        return None
    return (date.fromisoformat(found.waiver.expires) - datetime.fromisoformat(report.run.started_at).date()).days


def _urgency(host: str, result: HostResult | None, entries: Sequence[Entry]) -> tuple[bool, int, int, int, str]:
    ranks = [rank(entry.finding) for entry in entries]
    worst = min(ranks)
    return (not (result and result.failure), *worst, -ranks.count(worst), host)


def _group(host: str, result: HostResult | None, entries: Sequence[Entry]) -> Group:
    return Group(
        host="The fleet as a whole" if host == FLEET else host,
        anchor=anchor_of(host),
        failure=result.failure if result else None,
        counts=counted(entry.finding for entry in entries),
        blocks=tuple(_blocks(entry for entry in entries if entry.finding.verdict is not Verdict.OK)),
        ok=tuple(entry for entry in entries if entry.finding.verdict is Verdict.OK),
    )


def _blocks(entries: Iterable[Entry]) -> Iterator[tuple[Entry, ...]]:
    causes: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: rank(entry.finding)):
        alone = entry.finding.verdict is not Verdict.UNKNOWN
        causes.setdefault(entry.anchor if alone else f"because {entry.finding.message}", []).append(entry)
    return (tuple(same) for same in causes.values())
