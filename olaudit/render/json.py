"""Renderers for JSON, the formats for other programs: the report as one document, or as newline-delimited JSON."""

import json
from collections.abc import Iterator
from typing import Any

from olaudit.model import Report
from olaudit.render.document import Document
from olaudit.render.style import Style


def render(report: Report, style: Style) -> str:
    """Render the document, indented."""
    return Document.of(report, style).model_dump_json(indent=2) + "\n"


def render_lines(report: Report, style: Style) -> str:
    """Render one line per run, host and finding, for jq, grep and log shippers.

    Keys and order are those of the document. The key `type` names the kind of a line; lines are not nested:

        {"type": "run", "schema_version": 1, "run": {...}, "summary": {...}}      once, first
        {"type": "host", "host": ..., "verdict": ..., ...}                        one per host
        {"type": "finding", "id": ..., "host": ..., "check": ..., ...}            one per finding

        olaudit check -f ndjson | jq -r 'select(.type == "finding") | [.host, .check, .subject] | @tsv'
    """
    document = Document.of(report, style).model_dump(mode="json")
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in _lines(document))


def _lines(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    hosts, findings = document.pop("hosts"), document.pop("findings")
    yield {"type": "run", **document}
    for host in hosts:
        yield {"type": "host", **host}
    for finding in findings:
        yield {"type": "finding", **finding}
