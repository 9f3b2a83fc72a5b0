"""The page, read by a parser: what it says, and where."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given

from olaudit.model import Report, Verdict
from olaudit.render.html import view
from olaudit.render.style import Style
from tests.render.pages import full_report, large_report
from tests.render.parsing import cells, one, parsed, words
from tests.render.reports import CASES
from tests.render.test_any_report import REPORTS, STYLES

RICH = full_report()


# --- at a glance -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "said", "tone"),
    [
        ("empty", "Nothing was audited 0 of 0 hosts audited, 0 checks", "unknown"),
        ("all-ok", "All as expected 14 of 14 hosts audited, 84 checks", "ok"),
        ("outage", "6 drift, 3 unknown 6 of 9 hosts audited, 31 checks", "critical"),
        ("one-cause", "16 unknown 1 of 1 host audited, 21 checks", "unknown"),
        ("interrupted", "2 unknown 1 of 3 hosts audited, 4 checks", "unknown"),
    ],
)
def test_the_heading_is_the_verdict_in_words(case: str, said: str, tone: str) -> None:
    root = parsed(CASES[case])
    assert words(one(root, "//h1")) == said
    assert one(root, "//body/header").get("class") == tone


@given(REPORTS)
def test_the_page_is_never_green_while_anything_is_unknown_or_drifts(any_report: Report) -> None:
    green = view.tone(any_report) == "ok"
    loud = any_report.count(Verdict.UNKNOWN) + any_report.count(Verdict.DRIFT)
    assert green == (not loud and any_report.run.complete and bool(any_report.findings))


def test_an_incomplete_run_is_shouted_in_the_title_and_above_everything_else() -> None:
    root = parsed(CASES["interrupted"])
    assert words(one(root, "//title")).startswith("INCOMPLETE: 2 unknown, 1 of 3 hosts audited")
    assert words(one(root, "//header/p[@class='shout']")).startswith("INCOMPLETE: the run was interrupted")
    assert not parsed(CASES["outage"]).xpath("//p[@class='shout']")


def test_hosts_are_tiles_under_their_most_specific_role_and_lead_to_their_findings() -> None:
    root = parsed(RICH)
    roles = {words(one(role, "h3")): role for role in root.xpath("//div[@class='role']")}
    assert list(roles) == ["bare-metal", "database", "docker-host", "memcached", "without a role"]
    tiles = [words(tile) for tile in roles["docker-host"].xpath(".//li")]
    assert tiles == [
        "ol-covers0 drift, warning 2 drift, 2 ok",
        "ol-home0 drift, critical 3 drift, 6 ok",
        "ol-solr0 unknown 16 unknown, 5 ok",
        "ol-web1 ok 6 ok",
        "ol-web2 ok 6 ok",
    ]
    assert [words(tile) for tile in roles["memcached"].xpath(".//li")] == [
        "ol-mem0 ok 2 ok",
        "ol-mem1 not audited (hostkey)",
        "ol-mem2 not audited (timeout)",
    ]
    assert roles["memcached"].xpath(".//a/@href") == ["#h-ol-mem1", "#h-ol-mem2"]


def test_coverage_counts_every_check_by_verdict_and_by_check_id() -> None:
    root = parsed(RICH)
    assert one(root, "//svg[@class='bar']").get("aria-label") == "31 ok, 1 waived, 18 unknown, 7 drift"
    assert [words(share) for share in root.xpath("//dl[@class='shares']/div")] == [
        "ok 31",
        "waived 1",
        "unknown 18",
        "drift 7",
    ]
    rows = [cells(row) for row in root.xpath("//section[@id='coverage']//tbody/tr")]
    assert "container.name 0 0 5 2" in rows
    assert len(rows) == len({found.check for found in RICH.findings})


@given(REPORTS)
def test_the_bar_of_coverage_is_full_and_shows_whatever_is_there(any_report: Report) -> None:
    shares = view.view(any_report, Style()).shares
    assert all(share.width >= 0.9 if share.count else not share.width for share in shares)
    assert not any_report.findings or abs(sum(share.width for share in shares) - 100) < 0.1
    assert all(abs(one_.start + one_.width - next_.start) < 0.1 for one_, next_ in pairwise(shares))


def test_what_changed_is_told_by_kind_and_leads_to_the_finding() -> None:
    news = one(parsed(RICH), "//section[@id='news']")
    assert [words(head) for head in news.xpath("h2 | h3")] == [
        "Since 2026-11-21 17:49 UTC",
        "New drift 4",
        "Gone 1",
        "Newly unknown 2",
        "Drift that could not be looked at 1",
        "Known again 1",
    ]
    gone = words(one(news, "ul[contains(@class, 'gone')]"))
    assert gone == "ol-mem0 memcached.limit memcached mended after 7 days, last seen 2026-11-21 17:49 UTC"
    assert "critical when last seen, 2026-11-21 17:49 UTC" in words(one(news, "ul[contains(@class, 'hidden')]"))
    links = news.xpath(".//a/@href")
    assert len(links) == 7
    assert all(parsed(RICH).xpath("//*[@id=$id]", id=link[1:]) for link in links)


def test_many_changes_are_counted_and_marked_where_they_stand() -> None:
    whole = large_report(10)
    assert RICH.changes
    new = frozenset(found.id for found in whole.findings if found.verdict is Verdict.DRIFT)
    root = parsed(replace(whole, changes=replace(RICH.changes, new=new)))
    assert "New drift 30" in words(one(root, "//section[@id='news']"))
    assert "and 10 more, marked where they stand below" in words(one(root, "//section[@id='news']"))
    assert len(root.xpath("//article[contains(@class, ' new')]")) == 30


def test_without_history_the_page_says_so_and_shows_no_timeline() -> None:
    root = parsed(CASES["outage"])
    assert words(one(root, "//section[@id='news']/p")).startswith("No history was asked")
    assert not root.xpath("//section[@id='runs'] | //input[@name='new'] | //nav/a[@href='#runs']")


def test_the_timeline_has_a_bar_per_run_a_sign_where_a_night_is_missing_and_a_table() -> None:
    runs = one(parsed(RICH), "//section[@id='runs']")
    assert words(one(runs, "h2")) == "The last 30 runs"
    titles = [words(title) for title in runs.xpath(".//svg//title")]
    assert len(titles) == 31
    assert titles[29] == "2026-11-22 17:49 UTC: 7 drift, 18 unknown"
    assert titles[30] == "no run for 3 days"
    rows = [cells(row) for row in runs.xpath(".//tbody/tr")]
    assert len(rows) == 30
    assert rows[0] == "2026-11-22 17:49 UTC 9 of 11 31 1 18 7"
    assert sum("incomplete" in row for row in rows) == 1
    height = float(one(runs, ".//svg").get("viewbox", "").split()[3])
    assert all(0 <= float(rect.get("y", 0)) <= height for rect in runs.xpath(".//svg//rect"))


def test_a_first_run_has_a_timeline_too() -> None:
    assert RICH.changes
    first = replace(RICH.changes, since=None, timeline=RICH.changes.timeline[-1:])
    root = parsed(replace(RICH, changes=first))
    assert words(one(root, "//section[@id='runs']/h2")) == "The only run so far"
    assert "There is no earlier run to compare with." in words(one(root, "//section[@id='news']"))
    assert not parsed(replace(RICH, changes=replace(first, timeline=()))).xpath("//section[@id='runs']")


# --- findings ----------------------------------------------------------------------------------------------------


@given(REPORTS, STYLES)
def test_every_finding_that_is_shown_stands_in_the_page_once(any_report: Report, style: Style) -> None:
    root = parsed(any_report, style)
    ids = [str(id_).partition("-")[0] for id_ in root.xpath("//*[contains(concat(' ', @class, ' '), ' f ')]/@id")]
    assert Counter(ids) == Counter(found.id for found in style.shows(any_report))
    every = root.xpath("//@id")
    assert len(every) == len(set(every))


def test_hosts_nobody_could_look_at_come_first_then_the_most_urgent() -> None:
    assert parsed(RICH).xpath("//section[@id='findings']/section/@data-host") == [
        *("ol-mem1", "ol-mem2", "ol-home0", "ol-covers0", "The fleet as a whole", "ol-www0", "ol-solr0", "ol-db1")
    ]


def test_what_is_unknown_for_one_reason_is_one_entry_whose_checks_can_be_counted() -> None:
    solr = one(parsed(RICH), "//section[@data-host='ol-solr0']")
    together = one(solr, "article[contains(@class, 'many')]")
    assert words(one(together, "h4")) == "unknown 15 checks, one cause"
    assert len(together.xpath("ul/li")) == 15
    assert len(solr.xpath("article")) == 2


def test_a_finding_shows_its_difference_age_source_fix_and_how_to_ask_more() -> None:
    home = one(parsed(RICH), "//section[@data-host='ol-home0']")
    renamed = home.xpath("article")[1]
    assert [words(div) for div in renamed.xpath("dl/div")] == [
        "expected openlibrary-covers-1",
        "observed openlibrary_covers_1",
    ]
    assert [mark.text for mark in renamed.xpath(".//del")] == ["-", "-"]
    assert [mark.text for mark in renamed.xpath(".//ins")] == ["_", "_"]
    assert one(renamed, "pre").text == "docker rename openlibrary_covers_1 openlibrary-covers-1"
    assert words(renamed.xpath("p")[-1]) == (
        "since 2026-11-20 03:00 UTC, 2 days · expected/hosts/ol-home0.yaml:5 · olaudit explain "
        + str(renamed.get("id"))
    )
    assert one(renamed, ".//time").get("datetime") == "2026-11-20T03:00:00Z"
    assert "first seen in this run" in words(home.xpath("article")[0])


def test_a_waived_finding_says_who_answers_for_it_why_and_until_when() -> None:
    said = words(one(parsed(RICH), "//p[@class='waiver']"))
    assert said == (
        "Waived by mek (internetarchive/openlibrary#11234) until 2026-12-31 (39 days left): "
        "Trusty stays until the database has moved · expected/waivers.yaml:7"
    )


def test_what_is_as_expected_is_only_counted_unless_it_is_asked_for() -> None:
    assert not parsed(RICH).xpath("//li[contains(@class, 'f ok')]")
    listed = parsed(RICH, Style(all=True)).xpath("//details[@class='fine']//li")
    assert len(listed) == RICH.count(Verdict.OK)
