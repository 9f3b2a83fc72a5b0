"""Text of the history: the runs, the history of one host, the history of one finding."""

from collections.abc import Iterator, Sequence

from olaudit.history import DriftEpisode, RunRow, Span, Subject, UnreachableSpan
from olaudit.model import EpisodeEnd, Finding, RunSummary, Verdict
from olaudit.render import view
from olaudit.render.style import BRIEF, Style, columns

_INDENT = "  "
_WIDE = 100  # columns from which on the ids of runs are shown


def render_runs(rows: Sequence[RunRow], style: Style, *, more: bool) -> str:
    """Render one line per run; `more`: the history has older runs."""
    if not rows:
        return "no run yet\n"
    header = ("started (UTC)", "audited", "ok", "drift", "unknown", "waived", "changed", "run")
    shown = len(header) if style.width >= _WIDE else len(header) - 1
    table = [tuple(style.paint(name, "dim") for name in header), *(_run(row, style) for row in rows)]
    lines = columns([cells[:shown] for cells in table], indent="", right=range(2, 6))
    if more:
        lines += ["", style.paint("there are older runs: --limit N shows more", "dim")]
    return "\n".join(lines) + "\n"


def _run(row: RunRow, style: Style) -> tuple[str, ...]:
    run = row.run
    audited = f"{run.hosts - run.unreachable} of {run.hosts}"
    changed = [f"{count} {word}" for count, word in ((row.new, "new"), (row.resolved, "resolved")) if count]
    incomplete = [] if run.complete else [style.paint("INCOMPLETE", "unreachable")]
    return (
        _short_moment(run.started_at),
        style.paint(audited, "unknown") if run.unreachable else audited,
        str(run.ok),
        style.paint(str(run.drift), "critical") if run.drift else "0",
        style.paint(str(run.unknown), "unknown") if run.unknown else "0",
        str(run.waived),
        ", ".join([*incomplete, *changed]),
        style.paint(run.id, "dim"),
    )


def render_host(
    name: str,
    episodes: Sequence[DriftEpisode],
    unreachable: Sequence[UnreachableSpan],
    latest: RunSummary,
    style: Style,
) -> str:
    """Render a host's episodes, open ones first, and the runs that could not audit it; newest first."""
    open_, ended = _open_and_ended(episodes)
    failed = sum(span.runs for span in unreachable)
    waived = sum(episode.finding.verdict is Verdict.WAIVED for episode in open_)
    waived_of_open = f" ({waived} waived)" if waived else ""
    counts = f"{view.pluralize(len(open_), 'open drift')}{waived_of_open}, {len(ended)} ended"
    audited = f"not audited in {view.pluralize(failed, 'run')}" if failed else "never unreachable"
    blocks = [
        f"{style.paint(name, 'bold')}: {counts}, {audited}",
        *style.block("open", (line for episode in open_ for line in _open_episode(episode, latest, style))),
        *style.block("ended", (line for episode in ended for line in _ended_episode(episode, style))),
        *style.block("not audited", (line for span in reversed(unreachable) for line in _failures(span, style))),
    ]
    return "\n\n".join(blocks) + "\n"


def render_finding(
    subject: Subject, episodes: Sequence[DriftEpisode], spans: Sequence[Span], latest: RunSummary, style: Style
) -> str:
    """Render a finding's episodes, open ones first, and its spans; newest first."""
    open_, ended = _open_and_ended(episodes)
    title = style.wrap(f"{subject.host}  {subject.check}  {subject.subject}", limit=BRIEF)
    open_lines = (line for episode in open_ for line in _open_episode(episode, latest, style, name=False))
    blocks = [
        "\n".join([*(style.paint(line, "bold") for line in title), style.paint(f"id {subject.id}", "dim")]),
        *style.block("open", open_lines),
        *style.block("ended", (line for episode in ended for line in _ended_episode(episode, style, name=False))),
        *style.block("verdicts", (line for span in reversed(spans) for line in _span(span, style))),
    ]
    return "\n\n".join(blocks) + "\n"


def _open_and_ended(episodes: Sequence[DriftEpisode]) -> tuple[list[DriftEpisode], list[DriftEpisode]]:
    """Separate the open episodes from the ended ones; newest first."""
    newest = sorted(episodes, key=lambda episode: episode.finding.first_seen or "", reverse=True)
    ended = [episode for episode in newest if episode.ended]
    ended.sort(key=lambda episode: episode.ended or "", reverse=True)
    return [episode for episode in newest if not episode.ended], ended


# --- entries -----------------------------------------------------------------------------------------------------


def _open_episode(episode: DriftEpisode, latest: RunSummary, style: Style, *, name: bool = True) -> Iterator[str]:
    finding, since = episode.finding, episode.finding.first_seen or episode.last_seen
    label = "WAIVED" if finding.verdict is Verdict.WAIVED else f"DRIFT {finding.severity}"
    observed = episode.last_seen == latest.started_at
    unobserved = "" if observed else f", last seen {view.moment(episode.last_seen)}: unobserved since"
    length = view.age(since, latest.started_at)
    period = f"since {view.moment(since)}, {length}{style.paint(unobserved, 'unknown')}"
    badge = label, view.tone(finding)
    yield from _episode(episode, badge, period, style, name=name)


def _ended_episode(episode: DriftEpisode, style: Style, *, name: bool = True) -> Iterator[str]:
    first, ended = episode.finding.first_seen or episode.last_seen, episode.ended or episode.last_seen
    period = f"{_short_moment(first)} to {view.moment(ended)}, {view.age(first, ended)}"
    badge = str(episode.ending), "ok" if episode.ending is EpisodeEnd.FIXED else "dim"
    yield from _episode(episode, badge, period, style, name=name)


def _episode(
    episode: DriftEpisode, badge: tuple[str, str], period: str, style: Style, *, name: bool
) -> Iterator[str]:
    """Render an episode: badge (text and tone), check and subject if `name`, period, last message."""
    if name:
        title = f"{episode.finding.check}  {episode.finding.subject}"
        yield from style.heading(*badge, title, indent=_INDENT, limit=BRIEF)
        yield f"{_INDENT * 2}{period}  {style.paint(episode.finding.id, 'dim')}"
    else:
        yield f"{_INDENT}{style.paint(*badge)}  {period}"
    yield from _message(episode.finding, style)


def _failures(span: UnreachableSpan, style: Style) -> Iterator[str]:
    yield f"{_INDENT}{style.paint(span.failure.reason, 'unknown')}  {_period(span)}"
    yield from _indented(span.failure.message, style)


def _span(span: Span, style: Style) -> Iterator[str]:
    tone = view.tone(span.finding) if span.finding else view.verdict_tone(span.verdict)
    label = style.paint(f"{span.verdict:<7}", tone)
    yield f"{_INDENT}{label}  {_period(span)}"
    if span.finding:
        yield from _message(span.finding, style)


def _message(finding: Finding, style: Style) -> Iterator[str]:
    yield from _indented(finding.message, style)
    if waiver := finding.waiver:
        yield from _indented(f"waived by {waiver.accepted_by} until {waiver.expires}: {waiver.reason}", style)


# --- text --------------------------------------------------------------------------------------------------------


def _short_moment(rfc3339: str) -> str:
    return view.moment(rfc3339).removesuffix(" UTC")


def _period(span: Span | UnreachableSpan) -> str:
    if span.runs == 1:
        return view.moment(span.first)
    return f"{_short_moment(span.first)} to {view.moment(span.last)}, {view.pluralize(span.runs, 'run')}"


def _indented(text: str, style: Style) -> list[str]:
    return style.wrap(text, indent=_INDENT * 2, limit=BRIEF)
