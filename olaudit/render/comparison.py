"""Text of the comparison of two runs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from tabulate import tabulate

from olaudit.history import Comparison
from olaudit.model import Finding, RunSummary
from olaudit.render.ages import moment
from olaudit.render.style import Style, tone

_INDENT = "  "
_MIN_WIDTH = 60
_MAX_LINES = 3  # of one message


def render(comparison: Comparison, style: Style) -> str:
    """Render new, resolved, unchanged, unobserved and unknown findings; a title without findings is left out."""
    resolved = [(finding, f"  {style.paint(str(ending), 'ok')}") for finding, ending in comparison.resolved]
    observed_again = [
        (finding, f"  now {style.paint(verdict, tone(verdict, finding.severity))}")
        for finding, verdict in comparison.observed_again
    ]
    blocks = [
        "\n".join(_header(comparison, style)),
        *_block("NEW", _without_notes(comparison.new), style, messages=True),
        *_block("RESOLVED", resolved, style),
        *_block("UNCHANGED", _without_notes(comparison.unchanged), style),
        *_block(
            "UNOBSERVED",
            _without_notes(comparison.unobserved),
            style,
            remark="drift that the second run could not observe",
        ),
        *_block("NEWLY UNKNOWN", _without_notes(comparison.newly_unknown), style, messages=True),
        *_block("OBSERVED AGAIN", observed_again, style),
    ]
    return "\n\n".join(blocks) + "\n"


def _header(comparison: Comparison, style: Style) -> Iterator[str]:
    yield _run("from", comparison.before, style)
    yield _run("to  ", comparison.after, style)
    counts = (
        (len(comparison.new), "new"),
        (len(comparison.resolved), "resolved"),
        (len(comparison.unchanged), "unchanged"),
        (len(comparison.unobserved), "unobserved"),
    )
    yield ", ".join(f"{count} {word}" for count, word in counts)


def _run(word: str, run: RunSummary, style: Style) -> str:
    audited = f"{run.hosts - run.unreachable} of {run.hosts} hosts audited"
    incomplete = "" if run.complete else f", {style.paint('INCOMPLETE', 'unreachable')}"
    return f"{word} {moment(run.started_at)}  {style.paint(run.id, 'dim')}  {audited}{incomplete}"


def _without_notes(findings: Sequence[Finding]) -> list[tuple[Finding, str]]:
    return [(finding, "") for finding in findings]


def _block(
    title: str,
    findings: Sequence[tuple[Finding, str]],
    style: Style,
    *,
    remark: str = "",
    messages: bool = False,
) -> Iterator[str]:
    """Render findings with their notes under a title; `messages` adds the message of each."""
    if not findings:
        return
    rows = [
        (
            style.paint(finding.severity, tone(finding.verdict, finding.severity)),
            finding.host,
            finding.check,
            f"{finding.subject}{note}",
        )
        for finding, note in findings
    ]
    lines = [f"{style.paint(title, 'bold')} ({len(findings)})" + (f": {remark}" if remark else "")]
    table = tabulate(rows, tablefmt="plain", disable_numparse=True)
    for (finding, _), line in zip(findings, table.splitlines(), strict=True):
        lines.append(f"{_INDENT}{line}".rstrip())
        lines += _message(finding, style) if messages else ()
    yield "\n".join(lines)


def _message(finding: Finding, style: Style) -> list[str]:
    return textwrap.wrap(
        finding.message,
        max(_MIN_WIDTH, style.width),
        initial_indent=_INDENT * 2,
        subsequent_indent=_INDENT * 2,
        break_on_hyphens=False,
        max_lines=_MAX_LINES,
        placeholder=" ...",
    )
