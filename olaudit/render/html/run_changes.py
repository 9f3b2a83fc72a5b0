"""Changes since the previous run, for the page: new, resolved, newly unknown, unobserved, observed again."""

from collections.abc import Iterator
from typing import NamedTuple

from olaudit.model import Changes, EpisodeEnd, Finding, Report, Verdict
from olaudit.render import view
from olaudit.render.html.groups import host_anchor

_MAX_ITEMS = 20  # of a section; further findings have a badge where they are listed


class ChangeItem(NamedTuple):
    """One line: the finding, a text about the change, and where the page has details (None: nowhere)."""

    finding: Finding
    text: str
    anchor: str | None
    tone: str


class ChangeSection(NamedTuple):
    """The changes of one kind: `items` are listed, `more` is the number of those that are not."""

    name: str
    title: str
    items: tuple[ChangeItem, ...]
    more: int = 0


def change_sections(report: Report, changes: Changes) -> tuple[ChangeSection, ...]:
    """Build the lists of changes since the previous run."""
    findings = sorted((finding for finding in report.findings if finding.verdict is not Verdict.OK), key=view.rank)
    new = [_item(finding) for finding in findings if finding.id in changes.new]
    unknown = [_item(finding) for finding in findings if finding.id in changes.newly_unknown]
    observed_again = [
        ChangeItem(finding, f"now {finding.verdict}", None, view.tone(finding))
        for finding in report.findings
        if finding.id in changes.observed_again
    ]
    return (
        _section("new", "New drift", new),
        ChangeSection("resolved", "Resolved", tuple(_resolved(changes))),
        _section("newly-unknown", "Newly unknown", unknown),
        ChangeSection("unobserved", "Unobserved drift", tuple(_unobserved(report, changes))),
        _section("observed-again", "Observed again", observed_again),
    )


def _item(finding: Finding) -> ChangeItem:
    return ChangeItem(finding, finding.message, finding.id, view.tone(finding))


def _section(name: str, title: str, items: list[ChangeItem]) -> ChangeSection:
    return ChangeSection(name, title, tuple(items[:_MAX_ITEMS]), len(items[_MAX_ITEMS:]))


def _resolved(changes: Changes) -> Iterator[ChangeItem]:
    tones = {EpisodeEnd.FIXED: "ok", EpisodeEnd.WAIVED: "waived", EpisodeEnd.REMOVED: "ok"}
    for drift in changes.resolved:
        since, last_seen = drift.finding.first_seen, drift.last_seen
        duration = f" after {view.age(since, last_seen)}" if since and since != last_seen else ""
        text = f"{drift.ending}{duration}, last seen {view.moment(last_seen)}"
        yield ChangeItem(drift.finding, text, None, tones[drift.ending])


def _unobserved(report: Report, changes: Changes) -> Iterator[ChangeItem]:
    ids = {finding.id for finding in report.findings if finding.verdict is not Verdict.OK}
    failures = view.failures(report)
    for drift in changes.unobserved:
        finding = drift.finding
        anchor = finding.id if finding.id in ids else None
        if anchor is None and finding.host in failures:
            anchor = host_anchor(finding.host)
        text = f"{drift.severity_or_waived} when last seen, {view.moment(drift.last_seen)}: {finding.message}"
        yield ChangeItem(finding, text, anchor, "unknown")
