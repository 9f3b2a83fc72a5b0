"""One finding in full, for somebody who was woken by it: what, since when, why, how to mend it, how to be sure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from olaudit.model import Finding, Severity, Verdict
from olaudit.render.style import Style, tone
from olaudit.text import visible

_INDENT = "  "
_NARROWEST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """Lines of an expected file with their numbers; where numbers skip, lines were left out."""

    source: str
    lines: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question with what it was answered, lines already bounded; no lines where answers are not at hand."""

    question: str
    answer: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """All there is to say of one finding.

    `reported` says by which run; `remarks` are what the reader must know first. `drift_when` and `mend` are the
    check's own words. `answers` says where the raw answers are from, or why there are none, and `to_get` are then
    the commands that get them. `also_asked` names questions whose answers are not shown. `history` is a sentence
    per item. `verify` are commands.
    """

    finding: Finding
    reported: str
    remarks: tuple[str, ...] = ()
    drift_when: str = ""
    fix: str = ""
    expected: Quoted | None = None
    waiver: Quoted | None = None
    answers: str = ""
    to_get: tuple[str, ...] = ()
    asked: tuple[Asked, ...] = ()
    also_asked: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()


def render(explanation: Explanation, style: Style) -> str:
    """Give the text, section by section; commands are on one line each, however long."""
    sections = (
        ("expected", _expected(explanation, style)),
        ("observed", _observed(explanation, style)),
        ("waived", _waived(explanation, style)),
        ("history", _prose(explanation.history, style)),
        ("fix", _fix(explanation, style)),
        ("verify", tuple(map(visible, explanation.verify))),
    )
    blocks = [tuple(_head(explanation, style))]
    for name, lines in sections:
        if body := tuple(f"{_INDENT}{line}".rstrip() for line in lines):
            blocks.append((style.paint(name.upper(), "bold"), *body))
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _head(explanation: Explanation, style: Style) -> Iterator[str]:
    """Say what it is about in a line, what is the matter in a sentence, and what to know before reading on."""
    found = explanation.finding
    badge = style.paint(f"{found.verdict.upper()} {found.severity}", tone(found.verdict, found.severity))
    about = f"{found.host}  {found.check}  {found.subject}"
    yield f"{badge}  {style.paint(visible(about), 'bold')}"
    yield from (f"{_INDENT}{line}" for line in _wrap(found.message, style))
    said = f"{found.id}, {explanation.reported}"
    yield from (style.paint(f"{_INDENT}{line}", "dim") for line in _wrap(said, style))
    for remark in explanation.remarks:
        yield from (style.paint(f"{_INDENT}{line}", "warning") for line in _wrap(f"Note: {remark}", style))


def _expected(explanation: Explanation, style: Style) -> Iterator[str]:
    found = explanation.finding
    yield from _wrap(found.expected, style)
    yield style.paint(visible(found.source), "dim")
    yield from _quoted(explanation.expected, found.source, style)
    if explanation.drift_when:
        yield from _wrap(f"{found.check} drifts when: {explanation.drift_when}", style)


def _observed(explanation: Explanation, style: Style) -> Iterator[str]:
    found = explanation.finding
    yield from _wrap(found.observed or "nothing: it could not be observed", style)
    for asked in explanation.asked:
        yield from (
            style.paint(line, "dim" if number else "info")
            for number, line in enumerate(_wrap(f"asked: {asked.question}", style, hanging="       "))
        )
        for line in asked.answer:
            yield from (f"| {part}" for part in _chopped(line, style))
    if explanation.also_asked:
        yield from _wrap(f"also asked, and not named in the answers: {'; '.join(explanation.also_asked)}", style)
    yield from _wrap(explanation.answers, style)
    yield from (f"{_INDENT}{visible(command)}" for command in explanation.to_get)


def _waived(explanation: Explanation, style: Style) -> Iterator[str]:
    if waiver := explanation.finding.waiver:
        yield from _wrap(f"by {waiver.accepted_by} until the end of {waiver.expires} (UTC)", style)
        yield from _wrap(waiver.reason, style)
        yield style.paint(visible(waiver.source), "dim")
        yield from _quoted(explanation.waiver, waiver.source, style)


def _fix(explanation: Explanation, style: Style) -> Iterator[str]:
    found = explanation.finding
    if found.verdict is Verdict.OK:
        yield "nothing: it is as expected"
    elif found.fix:
        yield style.paint(visible(found.fix), tone(Verdict.OK, Severity.INFO))
    elif found.verdict is Verdict.UNKNOWN:
        yield from _wrap("First make it answer: nobody knows yet whether anything is wrong there.", style)
    else:
        yield from _wrap(explanation.fix or "no command mends this: see what was observed", style)


def _quoted(quoted: Quoted | None, source: str, style: Style) -> Iterator[str]:
    """Quote lines under their numbers; the one that is meant is marked."""
    before = 0
    for number, line in quoted.lines if quoted else ():
        if before and number > before + 1:
            yield f"{'...':>6}"
        before = number
        marked = source.endswith(f":{number}")
        gutter = f"{'>' if marked else ' '}{number:>5}  "
        for part in _wrap(line, style, taken=len(gutter)) or [""]:
            text = f"{gutter}{part}".rstrip()
            yield style.paint(text, "bold") if marked else text
            gutter = " " * len(gutter)


def _prose(sentences: Iterable[str], style: Style) -> Iterator[str]:
    for sentence in sentences:
        yield from _wrap(sentence, style)


def _chopped(line: str, style: Style) -> Iterator[str]:
    """Break a raw line after a space near its end, else where it is full; nothing of it is left out."""
    width = max(_NARROWEST, style.width) - 2 * len(_INDENT)
    while len(line) > width:
        end = line.rfind(" ", width // 2, width) + 1 or width
        yield line[:end]
        line = line[end:]
    yield line


def _wrap(text: str, style: Style, hanging: str = "", taken: int = 0) -> list[str]:
    width = max(_NARROWEST, style.width) - len(_INDENT) - taken
    return textwrap.wrap(visible(text), width, break_on_hyphens=False, subsequent_indent=hanging)
