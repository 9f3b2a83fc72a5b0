"""The page as a document: texts of hosts stay text, it requests nothing, and its size is bounded."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from itertools import pairwise
from time import perf_counter

import pytest
from lxml import html

from olaudit.model import Report, Verdict
from olaudit.render.html import render
from olaudit.render.html.page import LiveRefresh, content_security_policy, render_page
from olaudit.render.style import Style
from tests.render.pages import full_report, large_report
from tests.render.parsing import find_only, parse_page, text_of
from tests.render.reports import CASES

FULL = full_report()


def test_hostile_texts_add_no_elements_and_no_attributes() -> None:
    (finding,) = (finding for finding in CASES["hostile"].findings if finding.verdict is Verdict.DRIFT)
    markup = '"><img src=x onerror=alert(1)>{{ 7 * 7 }}</style></script><!--'
    harmless = replace(finding, subject="text", observed="other", message="text", fix="text", expected="text")
    hostile = replace(finding, subject=markup, observed=markup, message=markup, fix=markup, expected=markup * 2)
    shapes = [
        [
            (element.tag, sorted(element.keys()))
            for element in parse_page(replace(CASES["hostile"], findings=(variant,))).iter()
            if element.tag not in ("del", "ins")
        ]
        for variant in (harmless, hostile)
    ]
    assert shapes[0] == shapes[1]
    page = parse_page(replace(CASES["hostile"], findings=(hostile,)))
    assert markup in find_only(page, "//pre").text_content()


@pytest.mark.parametrize("report", [*CASES.values(), FULL], ids=[*CASES, "full"])
def test_the_page_requests_nothing_and_has_no_inline_code(report: Report) -> None:
    root = parse_page(report, Style(all=True), LiveRefresh(refreshed_at="2026-11-22T17:50:00Z", every_seconds=60))
    for element in root.iter():
        for name, value in element.items():
            assert name != "style"
            assert not name.startswith("on")
            if name in ("src", "href", "action", "srcset", "data", "poster", "xlink:href"):
                assert value.startswith("#") or value == "data:,", (element.tag, name, value)
    assert not root.xpath(
        "//img | //iframe | //object | //embed | //base | //link[@rel != 'icon'] | //script[@src]"
    )
    assert not re.search(
        r"https?://|url\((?!#)|@import|fetch\(",
        find_only(root, "//style").text_content() + find_only(root, "//script").text_content(),
    )


def test_the_policy_allows_only_the_pages_style_and_script() -> None:
    text = render(FULL, Style())
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in content_security_policy()
    assert content_security_policy().startswith("default-src 'none'; ")
    assert (
        find_only(html.document_fromstring(text), "//meta[@http-equiv='Content-Security-Policy']").get("content")
        == content_security_policy()
    )


def test_a_live_page_has_its_time_and_reloads_without_scripts() -> None:
    live = LiveRefresh(refreshed_at="2026-11-22T17:50:00Z", every_seconds=60)
    text = render_page(FULL, Style(), live)
    assert '<noscript><meta http-equiv="refresh" content="60"></noscript>' in text
    note = text_of(find_only(parse_page(FULL, live=live), "//p[@class='live']"))
    assert note.startswith("Live: refreshed at 2026-11-22 17:50 UTC, every 60 s")
    assert "refresh" not in render(FULL, Style()).partition("<style>")[0]


def test_headings_are_in_order_and_sections_are_labelled() -> None:
    root = parse_page(FULL, Style(all=True))
    levels = [int(str(heading.tag)[1]) for heading in root.xpath("//h1 | //h2 | //h3 | //h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for section in root.xpath("//section"):
        assert root.xpath("//*[@id=$id]", id=section.get("aria-labelledby"))
    assert text_of(root.xpath("//body/a")[0]) == "Skip to the findings"


def test_a_page_of_5000_findings_is_below_five_megabytes() -> None:
    large = large_report()
    start = perf_counter()
    text = render(large, Style())
    assert perf_counter() - start < 30  # far above the usual time, which benchmarks/html_report.py measures
    assert len(large.hosts) == 1000
    assert text.count('class="f ') == 5000
    assert len(text.encode()) < 5_000_000
