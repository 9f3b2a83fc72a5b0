"""Fuzz target of all renderers: reports with unusual texts."""

from __future__ import annotations

import json
import re

from lxml import etree
from lxml import html as lxml_html

from olaudit.model import Failure, FailureReason, Report, Result, Severity
from olaudit.render import RENDERERS
from olaudit.render.style import Style
from tests.fuzz.source import ByteSource
from tests.render.reports import IDS, report

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def renderers(data: bytes) -> None:
    """Render one report in one format."""
    source = ByteSource(data)
    name = source.choice(tuple(RENDERERS))
    text = RENDERERS[name](_report(source), Style(color=source.number(2) == 1, all=source.number(2) == 1))
    _check(name, text)


def _check(name: str, text: str) -> None:
    """Parse the text in its format and assert that it has no control characters except those of colours."""
    plain = _COLOURS.sub("", text) if name == "table" else text
    assert not _CONTROLS.search(plain), (name, _CONTROLS.search(plain))
    text.encode()
    match name:
        case "json" | "sarif":
            json.loads(text)
        case "ndjson":
            assert all(isinstance(json.loads(line), dict) for line in text.split("\n") if line)
        case "junit":
            etree.fromstring(text.encode())
        case "html":
            tree = lxml_html.document_fromstring(text)
            assert not tree.xpath("//*[starts-with(name(@*), 'on')]")
        case "prometheus" | "graphite":
            assert text.endswith("\n")
        case _:
            assert text


def _report(source: ByteSource) -> Report:
    """Build a report through the audit, because the audit escapes the texts."""
    outcomes: dict[str, list[Result] | Failure] = {}
    for n in range(1 + source.number(4)):
        if source.number(5) == 0:
            outcomes[f"host{n}"] = Failure(source.choice(list(FailureReason)), source.text(300))
        else:
            outcomes[f"host{n}"] = [_result(source, line) for line in range(1, 1 + source.number(5))]
    return report(outcomes, complete=source.number(4) > 0)


def _result(source: ByteSource, line: int) -> Result:
    expectation = source.choice(IDS).expect(
        source.text(), ("results", line), source.text(), severity=source.choice((None, *Severity))
    )
    match source.number(3):
        case 0:
            return expectation.ok(source.text())
        case 1:
            return expectation.unknown(source.text(3000))
        case _:
            return expectation.drift(source.text(), source.text(), source.choice((None, source.text())))
