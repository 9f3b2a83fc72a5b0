"""The page as a parsed tree, and functions that read texts from it."""

from __future__ import annotations

from lxml import html

from olaudit.model import Report
from olaudit.render.html.page import LiveRefresh, render_page
from olaudit.render.style import Style

Page = html.HtmlElement


def parse_page(report: Report, style: Style | None = None, live: LiveRefresh | None = None) -> Page:
    return html.document_fromstring(render_page(report, style or Style(), live))


def text_of(element: Page) -> str:
    return " ".join(element.text_content().split())


def cell_texts(row: Page) -> str:
    return " ".join(text_of(cell) for cell in row)


def find_only(root: Page, path: str) -> Page:
    """Return the only element that `path` selects."""
    (element,) = root.xpath(path)
    assert isinstance(element, html.HtmlElement)
    return element
