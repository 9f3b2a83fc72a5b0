"""What the history says, for people: the runs, one host's past, one finding's past."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from tabulate import tabulate

from olaudit.history import DriftEpisode, RunRow, Span, Subject, UnreachableSpan
from olaudit.model import EpisodeEnd, Finding, RunSummary, Severity, Verdict
from olaudit.render.ages import age, moment
from olaudit.render.style import Style, tone

_INDENT = "  "
_WIDE = 100  # columns from which on there is room for what can be looked up otherwise
_NARROWEST = 60
_LONGEST = 3  # lines that one message may take


def runs(nights: Sequence[RunRow], style: Style, *, more: bool) -> str:
    """Show runs, a line each; `more` says that there are older ones."""
    if not nights:
        return "no run yet\n"
    head = ("started (UTC)", "audited", "ok", "drift", "unknown", "waived", "changed", "run")
    columns = len(head) if style.width >= _WIDE else len(head) - 1
    rows = [tuple(style.paint(name, "dim") for name in head), *(_run(night, style) for night in nights)]
    lines = list(_columns([row[:columns] for row in rows], "", right=range(2, 6)))
    if more:
        lines += ["", style.paint("there are older runs: --limit N shows more", "dim")]
    return "\n".join(lines) + "\n"


def _run(night: RunRow, style: Style) -> tuple[str, ...]:
    run = night.run
    audited, all_ = run.hosts - run.unreachable, f"{run.hosts - run.unreachable} of {run.hosts}"
    changed = [f"{count} {word}" for count, word in ((night.new, "new"), (night.resolved, "gone")) if count]
    loud = [] if run.complete else [style.paint("INCOMPLETE", "unreachable")]
    return (
        _when(run.started_at),
        all_ if audited == run.hosts else style.paint(all_, "unknown"),
        str(run.ok),
        style.paint(str(run.drift), "critical") if run.drift else "0",
        style.paint(str(run.unknown), "unknown") if run.unknown else "0",
        str(run.waived),
        ", ".join([*loud, *changed]),
        style.paint(run.id, "dim"),
    )


def host(
    name: str, lives: Sequence[DriftEpisode], troubles: Sequence[UnreachableSpan], latest: RunSummary, style: Style
) -> str:
    """Show a host's past: its drifts, open ones first, and when it could not be audited; the newest first."""
    alive, ended = _parted(lives)
    nights = sum(trouble.runs for trouble in troubles)
    waived = sum(life.finding.verdict is Verdict.WAIVED for life in alive)
    accepted = f" ({waived} waived)" if waived else ""
    counts = f"{_number(len(alive), 'open drift')}{accepted}, {len(ended)} ended"
    unseen = f"not audited in {_number(nights, 'run')}" if nights else "reachable whenever asked"
    blocks = [
        [f"{style.paint(name, 'bold')}: {counts}, {unseen}"],
        [line for life in alive for line in _open(life, latest, style)],
        [line for life in ended for line in _ended(life, style)],
        [line for trouble in reversed(troubles) for line in _trouble(trouble, style)],
    ]
    titles = ("", "open", "ended", "not audited")
    return _blocks(zip(titles, blocks, strict=True), style)


def finding(
    subject: Subject, lives: Sequence[DriftEpisode], spells: Sequence[Span], latest: RunSummary, style: Style
) -> str:
    """Show a finding's past: its lives as drift, and all that was said of it; the newest first."""
    alive, ended = _parted(lives)
    what = _wrapped(f"{subject.host}  {subject.check}  {subject.subject}", style)
    blocks = [
        [*(style.paint(line, "bold") for line in what), style.paint(f"id {subject.id}", "dim")],
        [line for life in alive for line in _open(life, latest, style, named=False)],
        [line for life in ended for line in _ended(life, style, named=False)],
        [line for spell in reversed(spells) for line in _spell(spell, style)],
    ]
    titles = ("", "open", "ended", "what was said")
    return _blocks(zip(titles, blocks, strict=True), style)


def _parted(lives: Sequence[DriftEpisode]) -> tuple[list[DriftEpisode], list[DriftEpisode]]:
    """Part the open lives from the ended ones; the newest first."""
    newest = sorted(lives, key=lambda life: life.finding.first_seen or "", reverse=True)
    ended = sorted((life for life in newest if life.ended), key=lambda life: life.ended or "", reverse=True)
    return [life for life in newest if not life.ended], ended


# --- entries -----------------------------------------------------------------------------------------------------


def _open(life: DriftEpisode, latest: RunSummary, style: Style, *, named: bool = True) -> Iterator[str]:
    found, since = life.finding, life.finding.first_seen or life.last_seen
    words = "WAIVED" if found.verdict is Verdict.WAIVED else f"DRIFT {found.severity}"
    seen = life.last_seen == latest.started_at
    hidden = "" if seen else style.paint(f", last seen {moment(life.last_seen)}: hidden since", "unknown")
    when = f"since {moment(since)}, {age(since, latest.started_at)}{hidden}"
    yield from _told(life, (words, tone(found.verdict, found.severity)), when, style, named=named)


def _ended(life: DriftEpisode, style: Style, *, named: bool = True) -> Iterator[str]:
    first, ended = life.finding.first_seen or life.last_seen, life.ended or life.last_seen
    when = f"{_when(first)} to {moment(ended)}, {age(first, ended)}"
    badge = str(life.ending), "ok" if life.ending is EpisodeEnd.FIXED else "dim"
    yield from _told(life, badge, when, style, named=named)


def _told(life: DriftEpisode, badge: tuple[str, str], when: str, style: Style, *, named: bool) -> Iterator[str]:
    """Tell of a drift: what it is, where that is not in the title; since or from when; what it said last."""
    painted = style.paint(*badge)
    if named:
        taken = len(f"{_INDENT}{badge[0]}  ")
        what = _wrapped(f"{life.finding.check}  {life.finding.subject}", style, taken=taken)
        yield from _columns([(painted, "\n".join(style.paint(line, "bold") for line in what))], _INDENT)
        yield f"{_INDENT * 2}{when}  {style.paint(life.finding.id, 'dim')}"
    else:
        yield f"{_INDENT}{painted}  {when}"
    yield from _said(life.finding, style)


def _trouble(trouble: UnreachableSpan, style: Style) -> Iterator[str]:
    badge = style.paint(str(trouble.failure.reason), "unknown")
    yield f"{_INDENT}{badge}  {_span(trouble.first, trouble.last, trouble.runs)}"
    yield from _indented(trouble.failure.message, style)


def _spell(spell: Span, style: Style) -> Iterator[str]:
    severity = spell.finding.severity if spell.finding else Severity.INFO
    badge = style.paint(f"{spell.verdict:<7}", tone(spell.verdict, severity))
    yield f"{_INDENT}{badge}  {_span(spell.first, spell.last, spell.runs)}"
    if spell.finding:
        yield from _said(spell.finding, style)


def _said(found: Finding, style: Style) -> Iterator[str]:
    yield from _indented(found.message, style)
    if found.waiver:
        waiver = found.waiver
        yield from _indented(f"waived by {waiver.accepted_by} until {waiver.expires}: {waiver.reason}", style)


# --- text --------------------------------------------------------------------------------------------------------


def _when(rfc3339: str) -> str:
    return moment(rfc3339).removesuffix(" UTC")


def _span(first: str, last: str, count: int) -> str:
    if count == 1:
        return moment(first)
    return f"{_when(first)} to {moment(last)}, {_number(count, 'run')}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _blocks(blocks: Iterable[tuple[str, list[str]]], style: Style) -> str:
    shown = (
        "\n".join([*([style.paint(title, "bold")] if title else []), *lines]) for title, lines in blocks if lines
    )
    return "\n\n".join(shown) + "\n"


def _indented(text: str, style: Style) -> Iterator[str]:
    return (f"{_INDENT * 2}{line}" for line in _wrapped(text, style, taken=len(_INDENT * 2)))


def _wrapped(text: str, style: Style, *, taken: int = 0) -> list[str]:
    """Break `text` into lines that fit beside the columns `taken`, at most so many."""
    width = max(_NARROWEST, style.width) - taken
    return textwrap.wrap(text, width, break_on_hyphens=False, max_lines=_LONGEST, placeholder=" ...")


def _columns(rows: Sequence[Sequence[str]], indent: str, right: Iterable[int] = ()) -> Iterator[str]:
    sides = ["right" if column in right else "left" for column in range(len(rows[0]))]
    table = tabulate(rows, tablefmt="plain", disable_numparse=True, colalign=sides)
    return (f"{indent}{line}".rstrip() for line in table.splitlines())
