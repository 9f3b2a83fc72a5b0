"""Renderer for HTML: one self-contained file, for disks, mail, phones, paper, and strict content policies.

All content is in the markup, so that the page can be read without styles and without scripts. The style and the
script are embedded in the file, and the page requests nothing else.

report -> view (plain values: groups, tiles, changes, timeline, text differences) -> page.html.j2 -> text
"""

from olaudit.model import Report
from olaudit.render.style import Style


def render(report: Report, style: Style) -> str:
    """Render the page."""
    # Importing Jinja2 takes half as long as all other imports together: commands without a page skip it.
    from olaudit.render.html.page import render_page  # noqa: PLC0415 - see above

    return render_page(report, style)
