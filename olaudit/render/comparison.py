"""Text of the comparison of two runs."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from olaudit.history import Comparison
from olaudit.model import Finding, RunSummary
from olaudit.render import view
from olaudit.render.style import BRIEF, Style, columns


def render(comparison: Comparison, style: Style) -> str:
    """Render new, resolved, unchanged, unobserved and unknown findings; a title without findings is left out."""
    resolved = {finding: f"  {style.paint(ending, 'ok')}" for finding, ending in comparison.resolved}
    observed_again = {
        finding: f"  now {style.paint(verdict, view.tone(replace(finding, verdict=verdict)))}"
        for finding, verdict in comparison.observed_again
    }
    remark = ": drift that the second run could not observe"
    blocks = [
        "\n".join(_header(comparison, style)),
        *_block("NEW", dict.fromkeys(comparison.new, ""), style, messages=True),
        *_block("RESOLVED", resolved, style),
        *_block("UNCHANGED", dict.fromkeys(comparison.unchanged, ""), style),
        *_block("UNOBSERVED", dict.fromkeys(comparison.unobserved, ""), style, remark=remark),
        *_block("NEWLY UNKNOWN", dict.fromkeys(comparison.newly_unknown, ""), style, messages=True),
        *_block("OBSERVED AGAIN", observed_again, style),
    ]
    return "\n\n".join(blocks) + "\n"


def _header(comparison: Comparison, style: Style) -> Iterator[str]:
    yield _run("from", comparison.before, style)
    yield _run("to  ", comparison.after, style)
    counted = ("new", "resolved", "unchanged", "unobserved")
    yield ", ".join(f"{len(getattr(comparison, name))} {name}" for name in counted)


def _run(word: str, run: RunSummary, style: Style) -> str:
    audited = f"{run.hosts - run.unreachable} of {run.hosts} hosts audited"
    incomplete = "" if run.complete else f", {style.paint('INCOMPLETE', 'unreachable')}"
    return f"{word} {view.moment(run.started_at)}  {style.paint(run.id, 'dim')}  {audited}{incomplete}"


def _block(
    title: str, findings: Mapping[Finding, str], style: Style, *, remark: str = "", messages: bool = False
) -> Iterator[str]:
    """Render findings with their notes under a title; `messages` adds the message of each."""
    rows = [
        (style.paint(finding.severity, view.tone(finding)), finding.host, finding.check, finding.subject + note)
        for finding, note in findings.items()
    ]
    lines: list[str] = []
    for finding, row in zip(findings, columns(rows), strict=True):
        lines.append(row)
        lines += style.wrap(finding.message, indent="    ", limit=BRIEF) if messages else ()
    return style.block(title, lines, note=f" ({len(findings)}){remark}")
