"""Findings grouped for the page: by host, the worst host first, and within a host by cause."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple

from olaudit.model import FLEET, Changes, Failure, Finding, Report, Verdict
from olaudit.render import view
from olaudit.render.html.text_diff import Segments, diff_texts
from olaudit.render.style import Style


class Entry(NamedTuple):
    """One finding. `anchor` is its id in the page; `badge` is "new", "newly unknown" or empty."""

    finding: Finding
    anchor: str
    badge: str
    age: str
    expected: Segments
    observed: Segments
    days_left: int | None


class Group(NamedTuple):
    """The findings of one host. A block holds findings of one cause; `failure` is set if it was not audited."""

    host: str
    anchor: str
    failure: Failure | None
    counts: str
    blocks: tuple[tuple[Entry, ...], ...]
    ok: tuple[Entry, ...]


def group_findings(report: Report, style: Style) -> Iterator[Group]:
    """Group the selected findings by host: hosts that could not be audited first, then by the worst finding."""
    findings = view.group_by_host(style.select_findings(report))
    entries = view.group(_entries(report, style), lambda entry: entry.finding.host)
    failures = view.failures(report)
    for host in sorted(view.worst_first(findings), key=lambda host: host not in failures):
        yield Group(
            host="The fleet as a whole" if host == FLEET else host,
            anchor=host_anchor(host),
            failure=failures.get(host),
            counts=view.format_counts(findings[host]),
            blocks=tuple(_blocks(entries[host])),
            ok=tuple(entry for entry in entries[host] if entry.finding.verdict is Verdict.OK),
        )


def host_anchor(host: str) -> str:
    """Return the id of a host's findings in the page."""
    return "fleet-wide" if host == FLEET else f"h-{host}"


def _entries(report: Report, style: Style) -> Iterator[Entry]:
    uses: Counter[str] = Counter()
    changes = report.changes or Changes()
    badges = dict.fromkeys(changes.newly_unknown, "newly unknown") | dict.fromkeys(changes.new, "new")
    for finding in style.select_findings(report):
        id_ = finding.id
        uses[id_] += 1
        anchor = id_ if uses[id_] == 1 else f"{id_}-{uses[id_]}"
        ok = finding.verdict is Verdict.OK
        badge = "" if ok else badges.get(id_, "")
        segments = ((), ()) if ok else diff_texts(finding.expected, finding.observed)
        yield Entry(finding, anchor, badge, _age(finding, report), *segments, _days_left(finding, report))


def _age(finding: Finding, report: Report) -> str:
    """Format the age of the finding; empty if it was first seen in this run, or without history."""
    now = report.run.started_at
    return view.age(finding.first_seen, now) if finding.first_seen and finding.first_seen != now else ""


def _days_left(finding: Finding, report: Report) -> int | None:
    """Count the days after the day of the run on which the finding's waiver still applies."""
    if not finding.waiver:
        return None
    return (date.fromisoformat(finding.waiver.expires) - datetime.fromisoformat(report.run.started_at).date()).days


def _blocks(entries: Sequence[Entry]) -> Iterator[tuple[Entry, ...]]:
    """Group what is not ok by cause, the worst first: unknown findings with the same reason have one cause."""
    not_ok = [entry for entry in entries if entry.finding.verdict is not Verdict.OK]
    not_ok.sort(key=lambda entry: view.rank(entry.finding))
    causes = view.group(
        not_ok, lambda entry: entry.finding.message if entry.finding.verdict is Verdict.UNKNOWN else entry.anchor
    )
    return map(tuple, causes.values())
