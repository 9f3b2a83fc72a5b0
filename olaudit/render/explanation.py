"""Text of the explanation of one finding: expectation, evidence, history, fix, and how to verify it."""

from collections.abc import Iterator
from dataclasses import dataclass

from olaudit.model import Finding, Verdict
from olaudit.render import view
from olaudit.render.style import MIN_WIDTH, Style
from olaudit.text import visible

_INDENT = "  "


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotation:
    """Lines of an expected file with their numbers; a gap in the numbers stands for lines left out."""

    source: str
    lines: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeAnswer:
    """A described probe with the lines of its answer, already shortened; no lines if there is no answer."""

    probe: str
    answer: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything that is known about one finding.

    `reported` describes the run that reported it. `remarks` are notes that readers need first. `drift_when` and
    `fix` are texts of the check. `answers_note` describes the source of the answers of `probes`, or why there are
    none; `answers_commands` then get them. `history` has one sentence per item, `verify` one command.
    """

    finding: Finding
    reported: str
    remarks: tuple[str, ...] = ()
    drift_when: str = ""
    fix: str = ""
    expected: Quotation | None = None
    waiver: Quotation | None = None
    answers_note: str = ""
    answers_commands: tuple[str, ...] = ()
    probes: tuple[ProbeAnswer, ...] = ()
    history: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()


def render(explanation: Explanation, style: Style) -> str:
    """Render the sections; a command is one line, however long."""
    sections = (
        ("EXPECTED", _expected(explanation, style)),
        ("OBSERVED", _observed(explanation, style)),
        ("WAIVED", _waived(explanation, style)),
        ("HISTORY", (line for sentence in explanation.history for line in _wrap(sentence, style))),
        ("FIX", _fix(explanation, style)),
        ("VERIFY", tuple(map(visible, explanation.verify))),
    )
    blocks = ["\n".join(_header(explanation, style))]
    for name, lines in sections:
        blocks += style.block(name, (f"{_INDENT}{line}".rstrip() for line in lines))
    return "\n\n".join(blocks) + "\n"


def _header(explanation: Explanation, style: Style) -> Iterator[str]:
    """Render verdict and subject in one line, then the message, the run and the remarks."""
    finding = explanation.finding
    badge = style.paint(f"{finding.verdict.upper()} {finding.severity}", view.tone(finding))
    subject = f"{finding.host}  {finding.check}  {finding.subject}"
    yield f"{badge}  {style.paint(visible(subject), 'bold')}"
    yield from (f"{_INDENT}{line}" for line in _wrap(finding.message, style))
    reported = f"{finding.id}, {explanation.reported}"
    yield from (style.paint(f"{_INDENT}{line}", "dim") for line in _wrap(reported, style))
    for remark in explanation.remarks:
        yield from (style.paint(f"{_INDENT}{line}", "warning") for line in _wrap(f"Note: {remark}", style))


def _expected(explanation: Explanation, style: Style) -> Iterator[str]:
    finding = explanation.finding
    yield from _wrap(finding.expected, style)
    yield style.paint(visible(finding.source), "dim")
    yield from _quotation(explanation.expected, finding.source, style)
    if explanation.drift_when:
        yield from _wrap(f"{finding.check} is drift when: {explanation.drift_when}", style)


def _observed(explanation: Explanation, style: Style) -> Iterator[str]:
    yield from _wrap(explanation.finding.observed or "could not be observed", style)
    for item in explanation.probes:
        yield from (
            style.paint(line, "dim" if number else "info")
            for number, line in enumerate(_wrap(f"probe: {item.probe}", style, hanging="       "))
        )
        for line in item.answer:
            yield from (f"| {piece}" for piece in _split(line, style))
    yield from _wrap(explanation.answers_note, style)
    yield from (f"{_INDENT}{visible(command)}" for command in explanation.answers_commands)


def _waived(explanation: Explanation, style: Style) -> Iterator[str]:
    if waiver := explanation.finding.waiver:
        yield from _wrap(f"by {waiver.accepted_by} until the end of {waiver.expires} (UTC)", style)
        yield from _wrap(waiver.reason, style)
        yield style.paint(visible(waiver.source), "dim")
        yield from _quotation(explanation.waiver, waiver.source, style)


def _fix(explanation: Explanation, style: Style) -> Iterator[str]:
    finding = explanation.finding
    if finding.verdict is Verdict.OK:
        yield "nothing to fix: it is as expected"
    elif finding.fix:
        yield style.paint(visible(finding.fix), "ok")
    elif finding.verdict is Verdict.UNKNOWN:
        yield from _wrap(
            "First fix what prevents an answer: until then, it is unknown whether there is drift.", style
        )
    else:
        yield from _wrap(explanation.fix or "no single command fixes this: see the observed value", style)


def _quotation(quotation: Quotation | None, source: str, style: Style) -> Iterator[str]:
    """Render quoted lines with their numbers; mark the line of `source`."""
    before = 0
    for number, line in quotation.lines if quotation else ():
        if before and number > before + 1:
            yield f"{'...':>6}"
        before = number
        marked = source.endswith(f":{number}")
        gutter = f"{'>' if marked else ' '}{number:>5}  "
        for piece in _wrap(line, style, taken=len(gutter)) or [""]:
            text = f"{gutter}{piece}".rstrip()
            yield style.paint(text, "bold") if marked else text
            gutter = " " * len(gutter)


def _split(line: str, style: Style) -> Iterator[str]:
    """Split a raw line to the width, after a space near its end if there is one; no character is left out."""
    width = max(MIN_WIDTH, style.width) - 2 * len(_INDENT)
    while len(line) > width:
        end = line.rfind(" ", width // 2, width) + 1 or width
        yield line[:end]
        line = line[end:]
    yield line


def _wrap(text: str, style: Style, hanging: str = "", taken: int = 0) -> list[str]:
    return style.wrap(visible(text), hanging=hanging, taken=len(_INDENT) + taken)
