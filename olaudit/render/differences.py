"""What is between two runs, for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from tabulate import tabulate

from olaudit.history import Comparison
from olaudit.model import Finding, RunSummary
from olaudit.render.ages import moment
from olaudit.render.style import Style, tone

_INDENT = "  "
_NARROWEST = 60
_LONGEST = 3  # lines that one message may take


def render(comparison: Comparison, style: Style) -> str:
    """Show what appeared, went, stayed, could not be seen; each under its own title, with nothing under none."""
    went = [(found, f"  {style.paint(str(ending), 'ok')}") for found, ending in comparison.resolved]
    known = [
        (found, f"  now {style.paint(verdict, tone(verdict, found.severity))}")
        for found, verdict in comparison.observed_again
    ]
    blocks = [
        "\n".join(_head(comparison, style)),
        *_block("APPEARED", [(found, "") for found in comparison.new], style, told=True),
        *_block("WENT", went, style),
        *_block("STAYED", [(found, "") for found in comparison.unchanged], style),
        *_block(
            "HIDDEN: drift that the second run could not look at",
            [(found, "") for found in comparison.unobserved],
            style,
        ),
        *_block("UNKNOWN NOW", [(found, "") for found in comparison.newly_unknown], style, told=True),
        *_block("KNOWN AGAIN", known, style),
    ]
    return "\n\n".join(blocks) + "\n"


def _head(comparison: Comparison, style: Style) -> Iterator[str]:
    yield _run("from", comparison.before, style)
    yield _run("to  ", comparison.after, style)
    counts = (
        (len(comparison.new), "appeared"),
        (len(comparison.resolved), "went"),
        (len(comparison.unchanged), "stayed"),
        (len(comparison.unobserved), "hidden"),
    )
    yield ", ".join(f"{count} {word}" for count, word in counts)


def _run(word: str, run: RunSummary, style: Style) -> str:
    audited = f"{run.hosts - run.unreachable} of {run.hosts} hosts audited"
    loud = "" if run.complete else f", {style.paint('INCOMPLETE', 'unreachable')}"
    return f"{word} {moment(run.started_at)}  {style.paint(run.id, 'dim')}  {audited}{loud}"


def _block(title: str, found: Sequence[tuple[Finding, str]], style: Style, *, told: bool = False) -> Iterator[str]:
    """Show findings under a title; `told`: with what they say, because it is news."""
    if not found:
        return
    word, colon, rest = title.partition(":")
    rows = [
        (style.paint(one.severity, tone(one.verdict, one.severity)), one.host, one.check, f"{one.subject}{note}")
        for one, note in found
    ]
    lines = [f"{style.paint(word, 'bold')} ({len(found)}){colon}{rest}"]
    table = tabulate(rows, tablefmt="plain", disable_numparse=True)
    for (one, _), line in zip(found, table.splitlines(), strict=True):
        lines.append(f"{_INDENT}{line}".rstrip())
        lines += _message(one, style) if told else ()
    yield "\n".join(lines)


def _message(found: Finding, style: Style) -> list[str]:
    return textwrap.wrap(
        found.message,
        max(_NARROWEST, style.width),
        initial_indent=_INDENT * 2,
        subsequent_indent=_INDENT * 2,
        break_on_hyphens=False,
        max_lines=_LONGEST,
        placeholder=" ...",
    )
