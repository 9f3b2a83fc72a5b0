"""The values of the page template: texts and counts, no markup."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from olaudit.model import Finding, HostResult, Report, Verdict
from olaudit.render import view
from olaudit.render.html.groups import group_findings, host_anchor
from olaudit.render.html.run_changes import change_sections
from olaudit.render.html.timeline import timeline
from olaudit.render.style import Style

_BAR_ORDER = (Verdict.OK, Verdict.WAIVED, Verdict.UNKNOWN, Verdict.DRIFT)
_TONES = ("critical", "warning", "unknown", "info")
_MAX_LARGE_TILES = 100  # hosts; a larger fleet is drawn with small tiles


class Tile(NamedTuple):
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


def page_values(report: Report, style: Style) -> dict[str, Any]:
    """Build the values of the page of `report`, by their names in the template."""
    groups = tuple(group_findings(report, style))
    changes = report.changes
    return {
        "run": report.run,
        "duration": f"{report.run.duration_seconds:.1f} s",
        "headline": headline(report),
        "audited": f"{view.audited_hosts(report)} audited",
        "tone": report_tone(report),
        "checks": view.pluralize(len(report.findings), "check"),
        "roles": tuple(_roles(report, {group.anchor for group in groups})),
        "dense": len(report.hosts) > _MAX_LARGE_TILES,
        "shares": tuple(shares(report)),
        "by_check": tuple(_by_check(report.findings)),
        "changes": changes,
        "change_sections": change_sections(report, changes) if changes else (),
        "timeline": timeline(changes.timeline) if changes and changes.timeline else None,
        "groups": groups,
        "finding_count": len(style.select_findings(report)),
    }


def headline(report: Report) -> str:
    """Format the verdict, such as `3 drift, 1 unknown`, or "All as expected"."""
    if not report.findings:
        return "Nothing was audited"
    urgent = (finding for finding in report.findings if finding.verdict in (Verdict.DRIFT, Verdict.UNKNOWN))
    if counts := view.format_counts(urgent):
        return counts
    waived = report.count(Verdict.WAIVED)
    return f"All as expected, except {waived} waived" if waived else "All as expected"


def report_tone(report: Report) -> str:
    """Return the tone of the worst finding: never that of ok while anything is unknown."""
    tones = {view.tone(finding) for finding in report.findings}
    if not report.run.complete or not report.findings:
        tones.add("unknown")
    return next((tone for tone in _TONES if tone in tones), "ok")


# --- the fleet ---------------------------------------------------------------------------------------------------


def _roles(report: Report, anchors: set[str]) -> Iterator[tuple[str, tuple[Tile, ...]]]:
    """Build the tiles by role, in the order of names, so that a host's tile keeps its place between runs."""
    findings = view.group_by_host(report.findings)
    # a later role overrides earlier ones, so the last role is the most specific
    roles = view.group(report.hosts, lambda host: host.roles[-1] if host.roles else "")
    for role in sorted(roles, key=lambda role: (not role, role)):
        tiles = (_tile(host, findings.get(host.host, ()), anchors) for host in roles[role])
        yield role or "without a role", tuple(tiles)


def _tile(host: HostResult, findings: Sequence[Finding], anchors: set[str]) -> Tile:
    anchor = host_anchor(host.host)
    worst = min(findings, key=view.rank, default=None)
    if host.failure:
        tone_, status = "unreachable", f"not audited ({host.failure.reason})"
    elif worst is None:
        tone_, status = "unknown", "nothing checked"
    else:
        severity = f", {worst.severity}" if worst.verdict is Verdict.DRIFT else ""
        tone_, status = view.tone(worst), f"{worst.verdict}{severity}"
    counts = "" if host.failure else view.format_counts(findings)
    return Tile(host.host, anchor if anchor in anchors else None, tone_, status, counts)


# --- coverage ----------------------------------------------------------------------------------------------------


def shares(report: Report) -> Iterator[Share]:
    """Divide the bar among the verdicts; a verdict that occurs has one percent at least, to be visible."""
    counts = view.count_verdicts(report.findings, _BAR_ORDER)
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
    for check, same_check in sorted(view.group(findings, lambda finding: finding.check).items()):
        yield check, tuple(view.count_verdicts(same_check, _BAR_ORDER).values())
