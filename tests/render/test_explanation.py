"""Text of the explanation of one finding."""

from __future__ import annotations

from dataclasses import replace

import pytest

from olaudit.model import (
    Verdict,
    Waiver,
)
from olaudit.render.explanation import Explanation, ProbeAnswer, Quotation, render
from olaudit.render.style import Style
from tests.values import finding

WAIVED = finding(
    host="ol-b",
    verdict=Verdict.WAIVED,
    fix=f"install {'linux ' * 40}",
    source="expected/hosts/ol-b.yaml:4",
    waiver=Waiver(
        name="w",
        owner="ann",
        reason="legacy host",
        ticket="#1",
        expires="2027-01-31",
        source="expected/waivers.yaml:2",
    ),
)


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("color", [False, True])
def test_sentences_are_wrapped_and_commands_are_not(width: int, *, color: bool) -> None:
    explanation = Explanation(
        finding=replace(WAIVED, message="word " * 60),
        reported="in a report",
        waiver=Quotation(source="expected/waivers.yaml:2", lines=((1, "waivers:"), (2, "- finding: x"))),
        answers_note="prose " * 60,
        probes=(ProbeAnswer(probe="probe " * 60, answer=("x" * 300,)),),
        verify=("command " * 40,),
    )
    text = render(explanation, Style(color=color, width=width))
    plain = render(explanation, Style(width=width))
    assert (text == plain) is not color
    too_long = [line for line in plain.splitlines() if len(line) > max(60, width)]
    assert [line.split()[0] for line in too_long] == ["install", "command"]
    assert (
        "WAIVED\n  by ann (#1) until the end of 2027-01-31 (UTC)\n  legacy host\n  expected/waivers.yaml:2\n"
        in plain
    )
    assert "  >    2  - finding: x\n" in plain


def test_no_text_of_a_report_controls_the_terminal() -> None:
    escape = "\x1b]0;pwn\x07"
    assert WAIVED.waiver
    explanation = Explanation(
        finding=replace(
            WAIVED, fix=escape, source=escape, waiver=replace(WAIVED.waiver, source=escape, owner=escape)
        ),
        reported=escape,
        answers_commands=(escape,),
        verify=(escape,),
    )
    assert all(line.isprintable() for line in render(explanation, Style()).split("\n"))
