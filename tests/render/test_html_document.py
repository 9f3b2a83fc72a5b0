"""The page as a document: no host can say more than text, it asks nobody for anything, and it stays small."""

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
from tests.render.parsing import one, parsed, words
from tests.render.reports import CASES

RICH = full_report()


def test_a_hostile_host_adds_text_and_neither_elements_nor_attributes() -> None:
    (found,) = (one_ for one_ in CASES["hostile"].findings if one_.verdict is Verdict.DRIFT)
    hostile = '"><img src=x onerror=alert(1)>{{ 7 * 7 }}</style></script><!--'
    tame = replace(found, subject="tame", observed="else", message="tame", fix="tame", expected="tame")
    evil = replace(found, subject=hostile, observed=hostile, message=hostile, fix=hostile, expected=hostile * 2)
    shapes = [
        [
            (element.tag, sorted(element.keys()))
            for element in parsed(replace(CASES["hostile"], findings=(one_,))).iter()
            if element.tag not in ("del", "ins")
        ]
        for one_ in (tame, evil)
    ]
    assert shapes[0] == shapes[1]
    assert hostile in one(parsed(replace(CASES["hostile"], findings=(evil,))), "//pre").text_content()


@pytest.mark.parametrize("report", [*CASES.values(), RICH], ids=[*CASES, "rich"])
def test_the_page_asks_nobody_for_anything_and_has_no_inline_style_or_handler(report: Report) -> None:
    root = parsed(report, Style(all=True), LiveRefresh(refreshed_at="2026-11-22T17:50:00Z", every_seconds=60))
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
        one(root, "//style").text_content() + one(root, "//script").text_content(),
    )


def test_the_policy_allows_the_very_style_and_script_in_the_page_and_nothing_else() -> None:
    text = render(RICH, Style())
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in content_security_policy()
    assert content_security_policy().startswith("default-src 'none'; ")
    assert (
        one(html.document_fromstring(text), "//meta[@http-equiv='Content-Security-Policy']").get("content")
        == content_security_policy()
    )


def test_a_live_page_says_when_it_was_refreshed_and_renews_itself_without_scripts_too() -> None:
    live = LiveRefresh(refreshed_at="2026-11-22T17:50:00Z", every_seconds=60)
    text = render_page(RICH, Style(), live)
    assert '<noscript><meta http-equiv="refresh" content="60"></noscript>' in text
    said = words(one(parsed(RICH, live=live), "//p[@class='live']"))
    assert said.startswith("Live: refreshed at 2026-11-22 17:50 UTC, again every 60 s")
    assert "refresh" not in render(RICH, Style()).partition("<style>")[0]


def test_headings_are_in_order_and_every_part_has_its_name() -> None:
    root = parsed(RICH, Style(all=True))
    levels = [int(str(head.tag)[1]) for head in root.xpath("//h1 | //h2 | //h3 | //h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for section in root.xpath("//section"):
        assert root.xpath("//*[@id=$id]", id=section.get("aria-labelledby"))
    assert words(root.xpath("//body/a")[0]) == "Skip to the findings"


def test_a_thousand_hosts_with_five_findings_each_stay_below_five_megabytes() -> None:
    whole = large_report()
    began = perf_counter()
    text = render(whole, Style())
    assert perf_counter() - began < 30  # seconds; far above what it takes: benchmarks/html.py measures
    assert len(whole.hosts) == 1000
    assert text.count('class="f ') == 5000
    assert len(text.encode()) < 5_000_000
