"""Renderer for JSON: the report as one document, the format for other programs."""

from __future__ import annotations

from olaudit.model import Report
from olaudit.render.document import Document
from olaudit.render.style import Style


def render(report: Report, style: Style) -> str:
    """Render the document, indented."""
    return Document.of(report, style).model_dump_json(indent=2) + "\n"
