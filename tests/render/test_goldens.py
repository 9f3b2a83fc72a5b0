"""Every sample report in every format, compared with a stored file.

`OLAUDIT_REGENERATE=1 pytest tests/render` rewrites the files: review the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from olaudit.checks import CHECKERS
from olaudit.render import RENDERERS
from olaudit.render.style import Style
from tests.render.reports import CASES

GOLDENS = Path(__file__).parent / "goldens"
# the markup of the page is tested by test_html.py and tests/browser
TEXT_FORMATS = [format_ for format_ in RENDERERS if format_ != "html"]
STYLES = {
    "": Style(checkers=CHECKERS),
    "-all": Style(checkers=CHECKERS, all=True),
    "-color": Style(color=True),
    "-narrow": Style(width=20),
}
VARIANTS = [("outage", "-all", "table"), ("outage", "-color", "table"), ("outage", "-narrow", "table")] + [
    ("one-cause", "-all", format_) for format_ in TEXT_FORMATS
]
ALL = [(case, "", format_) for case in CASES for format_ in TEXT_FORMATS] + VARIANTS


@pytest.mark.parametrize(("case", "variant", "format_"), ALL, ids=lambda part: part or "plain")
def test_a_report_renders_as_its_golden(case: str, variant: str, format_: str) -> None:
    golden = GOLDENS / f"{case}{variant}.{format_}"
    text = RENDERERS[format_](CASES[case], STYLES[variant])
    if os.environ.get("OLAUDIT_REGENERATE"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_no_golden_is_left_over() -> None:
    assert {golden.name for golden in GOLDENS.iterdir()} == {
        f"{case}{variant}.{format_}" for case, variant, format_ in ALL
    }


@pytest.mark.parametrize("format_", RENDERERS)
def test_no_format_passes_control_characters_of_a_host(format_: str) -> None:
    text = RENDERERS[format_](CASES["hostile"], Style(all=True))
    assert all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_fits_its_width_except_for_commands(width: int) -> None:
    for report in CASES.values():
        lines = RENDERERS["table"](report, Style(width=width, all=True)).splitlines()
        assert [line for line in lines if len(line) > width and "    fix  " not in line] == []
