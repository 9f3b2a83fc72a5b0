"""The values of the page template: texts and counts, no markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from olaudit.model import Finding, HostResult, Report, Run, Verdict
from olaudit.render.ages import moment
from olaudit.render.html.groups import Group, finding_tone, format_counts, group_findings, host_anchor, rank
from olaudit.render.html.run_changes import RunChanges, run_changes
from olaudit.render.html.timeline import Timeline, timeline
from olaudit.render.style import Style

_BAR_ORDER = (Verdict.OK, Verdict.WAIVED, Verdict.UNKNOWN, Verdict.DRIFT)
_TONES = ("critical", "warning", "unknown", "info")
_MAX_LARGE_TILES = 100  # hosts; a larger fleet is drawn with small tiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """Summary of one host. `anchor` is the id of its findings, if any are shown; `tone` is a CSS class."""

    host: str
    anchor: str | None
    tone: str
    status: str
    counts: str


@dataclass(frozen=True, slots=True)
class Share:
    """The share of one verdict in all checks: the count, and its start and width in the bar (percent)."""

    verdict: Verdict
    count: int
    start: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PageView:
    """All values of the page template."""

    run: Run
    started: str
    duration: str
    headline: str
    audited: str
    tone: str
    checks: str
    roles: tuple[tuple[str, tuple[Tile, ...]], ...]
    dense: bool
    shares: tuple[Share, ...]
    by_check: tuple[tuple[str, tuple[int, ...]], ...]
    changes: RunChanges | None
    timeline: Timeline | None
    groups: tuple[Group, ...]
    finding_count: int


def build_view(report: Report, style: Style) -> PageView:
    """Build the values of the page of `report`."""
    groups = tuple(group_findings(report, style))
    return PageView(
        run=report.run,
        started=moment(report.run.started_at),
        duration=f"{report.run.duration_seconds:.1f} s",
        headline=headline(report),
        audited=f"{len(report.hosts) - report.unreachable} of {_pluralize(len(report.hosts), 'host')} audited",
        tone=tone(report),
        checks=_pluralize(len(report.findings), "check"),
        roles=tuple(_roles(report, {group.anchor for group in groups})),
        dense=len(report.hosts) > _MAX_LARGE_TILES,
        shares=tuple(_shares(report)),
        by_check=tuple(_by_check(report.findings)),
        changes=run_changes(report),
        timeline=timeline(report.changes.timeline) if report.changes and report.changes.timeline else None,
        groups=groups,
        finding_count=len(style.select_findings(report)),
    )


def headline(report: Report) -> str:
    """Format the verdict, such as `3 drift, 1 unknown`, or "All as expected"."""
    if not report.findings:
        return "Nothing was audited"
    urgent = (finding for finding in report.findings if finding.verdict in (Verdict.DRIFT, Verdict.UNKNOWN))
    if counts := format_counts(urgent):
        return counts
    waived = report.count(Verdict.WAIVED)
    return f"All as expected, except {waived} waived" if waived else "All as expected"


def tone(report: Report) -> str:
    """Return the tone of the worst finding: never that of ok while anything is unknown."""
    tones = {finding_tone(finding) for finding in report.findings}
    if not report.run.complete or not report.findings:
        tones.add("unknown")
    return next((tone for tone in _TONES if tone in tones), "ok")


# --- the fleet ---------------------------------------------------------------------------------------------------


def _roles(report: Report, anchors: set[str]) -> Iterator[tuple[str, tuple[Tile, ...]]]:
    """Build the tiles by role, in the order of names, so that a host's tile keeps its place between runs."""
    findings = {host: tuple(of_host) for host, of_host in groupby(report.findings, key=attrgetter("host"))}
    roles: dict[str, list[Tile]] = {}
    for host in report.hosts:
        # a later role overrides earlier ones, so the last role is the most specific
        role = host.roles[-1] if host.roles else ""
        roles.setdefault(role, []).append(_tile(host, findings.get(host.host, ()), anchors))
    for role in sorted(roles, key=lambda role: (not role, role)):
        yield role or "without a role", tuple(roles[role])


def _tile(host: HostResult, findings: Sequence[Finding], anchors: set[str]) -> Tile:
    anchor = host_anchor(host.host)
    worst = min(findings, key=rank, default=None)
    if host.failure:
        tone_, status = "unreachable", f"not audited ({host.failure.reason})"
    elif worst is None:
        tone_, status = "unknown", "nothing checked"
    elif worst.verdict is Verdict.DRIFT:
        tone_, status = finding_tone(worst), f"drift, {worst.severity}"
    else:
        tone_, status = finding_tone(worst), str(worst.verdict)
    counts = "" if host.failure else format_counts(findings)
    return Tile(
        host=host.host, anchor=anchor if anchor in anchors else None, tone=tone_, status=status, counts=counts
    )


# --- coverage ----------------------------------------------------------------------------------------------------


def _shares(report: Report) -> Iterator[Share]:
    """Divide the bar among the verdicts; a verdict that occurs has one percent at least, to be visible."""
    counts = {verdict: report.count(verdict) for verdict in _BAR_ORDER}
    total = sum(counts.values()) or 1
    widths = {verdict: max(1.0, 100 * count / total) if count else 0.0 for verdict, count in counts.items()}
    total_width = sum(widths.values()) or 1.0
    start = 0.0
    for verdict in _BAR_ORDER:
        width = round(100 * widths[verdict] / total_width, 2)
        yield Share(verdict, counts[verdict], round(start, 2), width)
        start += width


def _by_check(findings: Sequence[Finding]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Count verdicts by check id, in the order of the bar: ok, waived, unknown, drift."""
    by_check = attrgetter("check")
    for check, same_check in groupby(sorted(findings, key=by_check), key=by_check):
        verdicts = [finding.verdict for finding in same_check]
        yield check, tuple(verdicts.count(verdict) for verdict in _BAR_ORDER)


def _pluralize(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
