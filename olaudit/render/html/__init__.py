"""The report as one HTML file: readable from disk, by mail, on a phone, on paper, and behind a strict policy.

Everything it says stands in its markup, so that it can be read without styles and without scripts; these lie in
the same file, and nothing is ever asked of anybody.

report -> view (plain values: groups, tiles, news, timeline, differing) -> page.html.j2 -> text
"""

from __future__ import annotations

from olaudit.model import Report
from olaudit.render.style import Style


def render(report: Report, style: Style) -> str:
    """Give the page."""
    # Jinja2 takes as long to import as half of all else: who wants no page need not wait for it.
    from olaudit.render.html.page import render_page  # noqa: PLC0415 - as said above

    return render_page(report, style)
