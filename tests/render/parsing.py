"""The page as a tree, and what is read in it."""

from __future__ import annotations

from lxml import html

from olaudit.model import Report
from olaudit.render.html.page import LiveRefresh, render_page
from olaudit.render.style import Style

Page = html.HtmlElement


def parsed(report: Report, style: Style | None = None, live: LiveRefresh | None = None) -> Page:
    return html.document_fromstring(render_page(report, style or Style(), live))


def words(element: Page) -> str:
    return " ".join(element.text_content().split())


def cells(row: Page) -> str:
    return " ".join(words(cell) for cell in row)


def one(root: Page, path: str) -> Page:
    (found,) = root.xpath(path)
    assert isinstance(found, html.HtmlElement)
    return found
