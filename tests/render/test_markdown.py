"""Markdown, read by a parser of GitHub's flavour: all findings are there, and no text becomes markup."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from markdown_it import MarkdownIt
from markdown_it.token import Token

from olaudit.model import EpisodeEnd, Report, Verdict
from olaudit.render import markdown
from olaudit.render.style import Style
from tests.render.format_reports import HOSTILE, MIXED, with_changes
from tests.render.reports import CASES
from tests.render.test_any_report import REPORTS, STYLES

PARSER = MarkdownIt("gfm-like", {"linkify": False}).disable("linkify")  # linkify-it would be a further dependency
ALLOWED = {
    "bullet_list_open", "code_inline", "fence", "heading_open", "inline", "list_item_open", "paragraph_open",
    "strong_open", "table_open", "tbody_open", "td_open", "text", "th_open", "thead_open", "tr_open",
}  # fmt: skip


def tokens(text: str) -> list[Token]:
    return [item for token in PARSER.parse(text) for item in (token, *(token.children or ()))]


def list_entries(parsed: list[Token]) -> Iterator[str]:
    """Yield the first line of each outermost list entry."""
    for index, token in enumerate(parsed):
        if token.type == "list_item_open" and token.level == 1:
            yield parsed[index + 2].content


@pytest.mark.parametrize("report", [*CASES.values(), MIXED, HOSTILE], ids=[*CASES, "mixed", "hostile-texts"])
def test_each_finding_is_an_entry_and_each_of_their_hosts_a_row(report: Report) -> None:
    parsed = tokens(markdown.render(report, Style()))
    not_ok = [finding for finding in report.findings if finding.verdict is not Verdict.OK]
    assert len(list(list_entries(parsed))) == len(not_ok)
    rows = [token for token in parsed if token.type == "tr_open"]
    hosts = {finding.host for finding in not_ok}
    assert len(rows) == (len(hosts) + 1 if hosts else 0)
    assert sum(token.type == "fence" for token in parsed) == sum(finding.fix is not None for finding in not_ok)


@given(REPORTS, STYLES)
def test_texts_of_hosts_are_code_and_never_markup(report: Report, style: Style) -> None:
    parsed = tokens(markdown.render(report, style))
    assert {token.type for token in parsed if not token.type.endswith("_close")} - ALLOWED == {"softbreak"} & {
        token.type for token in parsed
    }
    assert len(list(list_entries(parsed))) == len(style.select_findings(report))


def test_hostile_texts_are_unchanged_in_code_spans() -> None:
    parsed = tokens(markdown.render(HOSTILE, Style()))
    assert {token.type for token in parsed if not token.type.endswith("_close")} <= ALLOWED
    code = {token.content for token in parsed if token.type == "code_inline"}
    for finding in HOSTILE.findings:
        if finding.verdict is not Verdict.OK and finding.message.strip():
            assert finding.message in code or finding.message[:500] + " ... (json has more)" in code
    prose = "".join(token.content for token in parsed if token.type == "text")
    assert not set(prose) & set("@#<>[]`|&\\!")


def test_history_divides_drift_into_sections() -> None:
    def titles(report: Report) -> list[str]:
        parsed = tokens(markdown.render(report, Style()))
        return [parsed[index + 1].content for index, token in enumerate(parsed) if token.type == "heading_open"]

    assert titles(MIXED) == ["Drift (3)", "Unknown (5)", "Waived (1)"]
    assert titles(with_changes(MIXED)) == [
        "New (1)", "Resolved (1)", "Unchanged (2)", "Unknown (5)", "Unobserved drift (1)", "Waived (1)",
    ]  # fmt: skip


def test_drift_has_its_age_and_resolved_drift_its_end() -> None:
    text = markdown.render(with_changes(MIXED), Style())
    assert "`openlibrary-covers-1` for 3 days, since 2026-11-19 17:49 UTC\n" in text
    assert f"`openlibrary-resolved-1` {EpisodeEnd.FIXED}, last seen 2026-11-21 17:49 UTC\n" in text
    assert "`openlibrary-unobserved-1` last seen 2026-11-21 17:49 UTC\n" in text
    assert "`openlibrary-importbot-1`\n" in text


def test_a_host_that_was_not_audited_has_no_zero() -> None:
    assert "| `ol-mem0` **not audited** (timeout) | ? | 1 | ? |\n" in markdown.render(MIXED, Style())


def test_an_interrupted_run_is_marked_incomplete() -> None:
    assert "**INCOMPLETE**: interrupted after 4.2 s" in markdown.render(CASES["interrupted"], Style())
