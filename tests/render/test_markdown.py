"""Markdown by a parser of GitHub's flavour: what is said is all there, and is nothing but said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from markdown_it import MarkdownIt
from markdown_it.token import Token

from olaudit.model import Report, Verdict
from olaudit.render import markdown
from olaudit.render.style import Style
from tests.render.reports import CASES
from tests.render.test_any_report import REPORTS, STYLES
from tests.render.words import HOSTILE, MIXED, with_changes

PARSER = MarkdownIt("gfm-like", {"linkify": False}).disable("linkify")  # as linkify-it is one more dependency
OURS = {
    "bullet_list_open", "code_inline", "fence", "heading_open", "inline", "list_item_open", "paragraph_open",
    "strong_open", "table_open", "tbody_open", "td_open", "text", "th_open", "thead_open", "tr_open",
}  # fmt: skip


def tokens(text: str) -> list[Token]:
    return [each for token in PARSER.parse(text) for each in (token, *(token.children or ()))]


def lists(found: list[Token]) -> Iterator[str]:
    """Give the outermost entries of lists, each as the text of its first line."""
    for index, token in enumerate(found):
        if token.type == "list_item_open" and token.level == 1:
            yield found[index + 2].content


@pytest.mark.parametrize("report", [*CASES.values(), MIXED, HOSTILE], ids=[*CASES, "mixed", "words"])
def test_every_finding_is_one_entry_and_every_host_with_one_a_row(report: Report) -> None:
    found = tokens(markdown.render(report, Style()))
    bad = [finding for finding in report.findings if finding.verdict is not Verdict.OK]
    assert len(list(lists(found))) == len(bad)
    rows = [token for token in found if token.type == "tr_open"]
    hosts = {finding.host for finding in bad}
    assert len(rows) == (len(hosts) + 1 if hosts else 0)
    assert sum(token.type == "fence" for token in found) == sum(finding.fix is not None for finding in bad)


@given(REPORTS, STYLES)
def test_whatever_a_host_says_is_in_code_and_makes_no_markup(report: Report, style: Style) -> None:
    found = tokens(markdown.render(report, style))
    assert {token.type for token in found if not token.type.endswith("_close")} - OURS == {"softbreak"} & {
        token.type for token in found
    }
    assert len(list(lists(found))) == len(style.shows(report))


def test_hostile_words_are_shown_as_they_are_in_code_spans() -> None:
    found = tokens(markdown.render(HOSTILE, Style()))
    assert {token.type for token in found if not token.type.endswith("_close")} <= OURS
    code = {token.content for token in found if token.type == "code_inline"}
    for finding in HOSTILE.findings:
        if finding.verdict is not Verdict.OK and finding.message.strip():
            assert finding.message in code or finding.message[:500] + " ... (json has more)" in code
    prose = "".join(token.content for token in found if token.type == "text")
    assert not set(prose) & set("@#<>[]`|&\\!")


def test_without_history_there_is_drift_and_with_it_new_gone_still_unknown_and_hidden() -> None:
    def titles(report: Report) -> list[str]:
        found = tokens(markdown.render(report, Style()))
        return [found[index + 1].content for index, token in enumerate(found) if token.type == "heading_open"]

    assert titles(MIXED) == ["Drift (3)", "Unknown (5)", "Waived (1)"]
    assert titles(with_changes(MIXED)) == [
        "New (1)", "Gone (1)", "Still there (2)", "Unknown (5)", "Hidden drift, as last seen (1)", "Waived (1)",
    ]  # fmt: skip


def test_what_is_known_has_its_age_and_what_ended_how() -> None:
    text = markdown.render(with_changes(MIXED), Style())
    assert "`openlibrary-covers-1` for 3 days, since 2026-11-19 17:49 UTC\n" in text
    assert "`openlibrary-gone-1` fixed, last seen 2026-11-21 17:49 UTC\n" in text
    assert "`openlibrary-hidden-1` last seen 2026-11-21 17:49 UTC\n" in text
    assert "`openlibrary-importbot-1`\n" in text


def test_of_a_host_that_was_not_audited_no_zero_is_said() -> None:
    assert "| `ol-mem0` **not audited** (timeout) | ? | 1 | ? |\n" in markdown.render(MIXED, Style())


def test_an_interrupted_run_says_so() -> None:
    assert "**INCOMPLETE**: interrupted after 4.2 s" in markdown.render(CASES["interrupted"], Style())
