"""A report as the values that the page is filled with: words and counts, no markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from olaudit.model import Finding, HostResult, Report, Run, Verdict
from olaudit.render.ages import moment
from olaudit.render.html.groups import Group, anchor_of, counted, groups, rank
from olaudit.render.html.groups import tone as tone_of
from olaudit.render.html.news import News, news
from olaudit.render.html.timeline import Timeline, timeline
from olaudit.render.style import Style

_SHOWN = (Verdict.OK, Verdict.WAIVED, Verdict.UNKNOWN, Verdict.DRIFT)
_TONES = ("critical", "warning", "unknown", "info")
_MANY = 100  # hosts, from which on tiles are drawn small


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One host at a glance. `anchor` is where its findings are, if any are shown; `tone` is one of the page's."""

    host: str
    anchor: str | None
    tone: str
    word: str
    counts: str


@dataclass(frozen=True, slots=True)
class Share:
    """How much of all checks has one verdict: the count, and from where to where in a bar (percent)."""

    verdict: Verdict
    count: int
    start: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything the page says."""

    run: Run
    when: str
    took: str
    headline: str
    audited: str
    tone: str
    checks: str
    roles: tuple[tuple[str, tuple[Tile, ...]], ...]
    many: bool
    shares: tuple[Share, ...]
    by_check: tuple[tuple[str, tuple[int, ...]], ...]
    news: News | None
    timeline: Timeline | None
    groups: tuple[Group, ...]
    shown: int


def view(report: Report, style: Style) -> Page:
    """Say everything that is to be said of `report`."""
    grouped = tuple(groups(report, style))
    return Page(
        run=report.run,
        when=moment(report.run.started_at),
        took=f"{report.run.duration_seconds:.1f} s",
        headline=headline(report),
        audited=f"{len(report.hosts) - report.unreachable} of {_number(len(report.hosts), 'host')} audited",
        tone=tone(report),
        checks=_number(len(report.findings), "check"),
        roles=tuple(_roles(report, {group.anchor for group in grouped})),
        many=len(report.hosts) > _MANY,
        shares=tuple(_shares(report)),
        by_check=tuple(_by_check(report.findings)),
        news=news(report) if report.changes else None,
        timeline=timeline(report.changes.timeline) if report.changes and report.changes.timeline else None,
        groups=grouped,
        shown=len(style.shows(report)),
    )


def headline(report: Report) -> str:
    """Say the verdict in words, such as `3 drift, 1 unknown`; what is fine is said only where nothing else is."""
    if not report.findings:
        return "Nothing was audited"
    if said := counted(found for found in report.findings if found.verdict in (Verdict.DRIFT, Verdict.UNKNOWN)):
        return said
    waived = report.count(Verdict.WAIVED)
    return f"All as expected, but for {waived} waived" if waived else "All as expected"


def tone(report: Report) -> str:
    """Choose the page's colour by the worst there is: never that of ok while anything is unknown."""
    tones = {tone_of(found) for found in report.findings}
    if not report.run.complete or not report.findings:
        tones.add("unknown")
    return next((tone for tone in _TONES if tone in tones), "ok")


# --- the fleet ---------------------------------------------------------------------------------------------------


def _roles(report: Report, anchors: set[str]) -> Iterator[tuple[str, tuple[Tile, ...]]]:
    """Give the tiles of every role, by name: a host is found at the same place every morning."""
    findings = {host: tuple(same) for host, same in groupby(report.findings, key=attrgetter("host"))}
    roles: dict[str, list[Tile]] = {}
    for host in report.hosts:
        # roles are laid over each other: the last one is what the host is
        role = host.roles[-1] if host.roles else ""
        roles.setdefault(role, []).append(_tile(host, findings.get(host.host, ()), anchors))
    for role in sorted(roles, key=lambda role: (not role, role)):
        yield role or "without a role", tuple(roles[role])


def _tile(host: HostResult, findings: Sequence[Finding], anchors: set[str]) -> Tile:
    anchor = anchor_of(host.host)
    worst = min(findings, key=rank, default=None)
    if host.failure:
        tone_, word = "lost", f"not audited ({host.failure.reason})"
    elif worst is None:
        tone_, word = "unknown", "nothing checked"
    elif worst.verdict is Verdict.DRIFT:
        tone_, word = tone_of(worst), f"drift, {worst.severity}"
    else:
        tone_, word = tone_of(worst), str(worst.verdict)
    counts = "" if host.failure else counted(findings)
    return Tile(host=host.host, anchor=anchor if anchor in anchors else None, tone=tone_, word=word, counts=counts)


# --- coverage ----------------------------------------------------------------------------------------------------


def _shares(report: Report) -> Iterator[Share]:
    """Share a bar among the verdicts; whatever is there at all takes a percent, so that it can be seen."""
    counts = {verdict: report.count(verdict) for verdict in _SHOWN}
    total = sum(counts.values()) or 1
    widths = {verdict: max(1.0, 100 * count / total) if count else 0.0 for verdict, count in counts.items()}
    whole = sum(widths.values()) or 1.0
    start = 0.0
    for verdict in _SHOWN:
        width = round(100 * widths[verdict] / whole, 2)
        yield Share(verdict, counts[verdict], round(start, 2), width)
        start += width


def _by_check(findings: Sequence[Finding]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Count by check id: ok, waived, unknown, drift."""
    for check, same in groupby(sorted(findings, key=attrgetter("check")), key=attrgetter("check")):
        verdicts = [found.verdict for found in same]
        yield check, tuple(verdicts.count(verdict) for verdict in _SHOWN)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
