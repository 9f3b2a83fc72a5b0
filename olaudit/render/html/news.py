"""What earlier runs say of this one, in the page's words: what is new, gone, hidden, unknown, known again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from olaudit.model import Changes, EpisodeEnd, Finding, Report, Verdict
from olaudit.render.ages import age, moment
from olaudit.render.html.groups import anchor_of, rank, tone

_NAMED = 20  # the rest is marked where it stands


@dataclass(frozen=True, slots=True)
class Item:
    """One line: which finding, what became of it, and where in the page to read on (None: nowhere)."""

    finding: Finding
    said: str
    anchor: str | None
    tone: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """One kind of news: `items` are named, `more` are only counted, for they are marked where they stand."""

    name: str
    title: str
    items: tuple[Item, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class News:
    """Everything that became otherwise; `since` is the run before, in words."""

    since: str | None
    chapters: tuple[Chapter, ...]


def news(report: Report) -> News | None:
    """Tell what is new since the run before; None where no history was asked."""
    changes = report.changes
    if changes is None:
        return None
    found = sorted((one for one in report.findings if one.verdict is not Verdict.OK), key=rank)
    new = [Item(one, one.message, one.id, tone(one)) for one in found if one.id in changes.new]
    unknown = [Item(one, one.message, one.id, tone(one)) for one in found if one.id in changes.newly_unknown]
    known = [
        Item(one, f"could be looked at: {one.verdict}", None, tone(one))
        for one in report.findings
        if one.id in changes.observed_again
    ]
    chapters = (
        Chapter("new", "New drift", tuple(new[:_NAMED]), len(new[_NAMED:])),
        Chapter("gone", "Gone", tuple(_gone(changes))),
        Chapter("newly-unknown", "Newly unknown", tuple(unknown[:_NAMED]), len(unknown[_NAMED:])),
        Chapter("hidden", "Drift that could not be looked at", tuple(_hidden(report, changes))),
        Chapter("known-again", "Known again", tuple(known[:_NAMED]), len(known[_NAMED:])),
    )
    return News(moment(changes.since) if changes.since else None, chapters)


def _gone(changes: Changes) -> Iterator[Item]:
    tones = {EpisodeEnd.FIXED: "ok", EpisodeEnd.WAIVED: "waived", EpisodeEnd.REMOVED: "ok"}
    for gone in changes.resolved:
        lasted = _lasted(gone.finding, gone.last_seen)
        yield Item(
            gone.finding, f"{gone.ending}{lasted}, last seen {moment(gone.last_seen)}", None, tones[gone.ending]
        )


def _lasted(finding: Finding, last_seen: str) -> str:
    if not finding.first_seen or finding.first_seen == last_seen:
        return ""
    return f" after {age(finding.first_seen, last_seen)}"


def _hidden(report: Report, changes: Changes) -> Iterator[Item]:
    ids = {found.id for found in report.findings if found.verdict is not Verdict.OK}
    hosts = {host.host for host in report.hosts if host.failure}
    for hidden in changes.unobserved:
        one = hidden.finding
        place = one.id if one.id in ids else anchor_of(one.host) if one.host in hosts else None
        said = f"{hidden.severity_or_waived} when last seen, {moment(hidden.last_seen)}: {one.message}"
        yield Item(one, said, place, "unknown")
