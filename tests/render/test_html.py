"""The page, read by a parser: its texts and their places."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given

from olaudit.model import EpisodeEnd, Report, Verdict
from olaudit.render.html import view
from olaudit.render.style import Style
from tests.render.pages import full_report, large_report
from tests.render.parsing import cell_texts, find_only, parse_page, text_of
from tests.render.reports import CASES
from tests.render.test_any_report import REPORTS, STYLES

FULL = full_report()


# --- overview ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "heading", "tone"),
    [
        ("empty", "Nothing was audited 0 of 0 hosts audited, 0 checks", "unknown"),
        ("all-ok", "All as expected 14 of 14 hosts audited, 84 checks", "ok"),
        ("outage", "6 drift, 3 unknown 6 of 9 hosts audited, 31 checks", "critical"),
        ("one-cause", "16 unknown 1 of 1 host audited, 21 checks", "unknown"),
        ("interrupted", "2 unknown 1 of 3 hosts audited, 4 checks", "unknown"),
    ],
)
def test_the_heading_is_the_verdict_with_counts(case: str, heading: str, tone: str) -> None:
    root = parse_page(CASES[case])
    assert text_of(find_only(root, "//h1")) == heading
    assert find_only(root, "//body/header").get("class") == tone


@given(REPORTS)
def test_the_page_is_ok_only_without_drift_and_unknown(any_report: Report) -> None:
    ok = view.report_tone(any_report) == "ok"
    not_ok = any_report.count(Verdict.UNKNOWN) + any_report.count(Verdict.DRIFT)
    assert ok == (not not_ok and any_report.run.complete and bool(any_report.findings))


def test_an_incomplete_run_is_marked_in_title_and_header() -> None:
    root = parse_page(CASES["interrupted"])
    assert text_of(find_only(root, "//title")).startswith("INCOMPLETE: 2 unknown, 1 of 3 hosts audited")
    assert text_of(find_only(root, "//header/p[@class='incomplete']")).startswith(
        "INCOMPLETE: the run was interrupted"
    )
    assert not parse_page(CASES["outage"]).xpath("//p[@class='incomplete']")


def test_hosts_are_tiles_of_their_last_role_with_links() -> None:
    root = parse_page(FULL)
    roles = {text_of(find_only(role, "h3")): role for role in root.xpath("//div[@class='role']")}
    assert list(roles) == ["bare-metal", "database", "docker-host", "memcached", "without a role"]
    tiles = [text_of(tile) for tile in roles["docker-host"].xpath(".//li")]
    assert tiles == [
        "ol-covers0 drift, warning 2 drift, 2 ok",
        "ol-home0 drift, critical 3 drift, 6 ok",
        "ol-solr0 unknown 16 unknown, 5 ok",
        "ol-web1 ok 6 ok",
        "ol-web2 ok 6 ok",
    ]
    assert [text_of(tile) for tile in roles["memcached"].xpath(".//li")] == [
        "ol-mem0 ok 2 ok",
        "ol-mem1 not audited (hostkey)",
        "ol-mem2 not audited (timeout)",
    ]
    assert roles["memcached"].xpath(".//a/@href") == ["#h-ol-mem1", "#h-ol-mem2"]


def test_coverage_counts_checks_by_verdict_and_by_id() -> None:
    root = parse_page(FULL)
    assert find_only(root, "//svg[@class='bar']").get("aria-label") == "31 ok, 1 waived, 18 unknown, 7 drift"
    assert [text_of(share) for share in root.xpath("//dl[@class='shares']/div")] == [
        "ok 31",
        "waived 1",
        "unknown 18",
        "drift 7",
    ]
    rows = [cell_texts(row) for row in root.xpath("//section[@id='coverage']//tbody/tr")]
    assert "container.name 0 0 5 2" in rows
    assert len(rows) == len({finding.check for finding in FULL.findings})


@given(REPORTS)
def test_the_coverage_bar_is_full_and_shows_all_verdicts(any_report: Report) -> None:
    shares = tuple(view.shares(any_report))
    assert all(share.width >= 0.9 if share.count else not share.width for share in shares)
    assert not any_report.findings or abs(sum(share.width for share in shares) - 100) < 0.1
    assert all(abs(left.start + left.width - right.start) < 0.1 for left, right in pairwise(shares))


def test_changes_are_listed_by_kind_with_links() -> None:
    changes = find_only(parse_page(FULL), "//section[@id='changes']")
    assert [text_of(heading) for heading in changes.xpath("h2 | h3")] == [
        "Changes since 2026-11-21 17:49 UTC",
        "New drift 4",
        "Resolved 1",
        "Newly unknown 2",
        "Unobserved drift 1",
        "Observed again 1",
    ]
    resolved = text_of(find_only(changes, "ul[contains(@class, 'resolved')]"))
    assert resolved == (
        f"ol-mem0 memcached.limit memcached {EpisodeEnd.FIXED} after 7 days, last seen 2026-11-21 17:49 UTC"
    )
    assert "critical when last seen, 2026-11-21 17:49 UTC" in text_of(
        find_only(changes, "ul[contains(@class, 'unobserved')]")
    )
    links = changes.xpath(".//a/@href")
    assert len(links) == 7
    assert all(parse_page(FULL).xpath("//*[@id=$id]", id=link[1:]) for link in links)


def test_changes_over_the_limit_are_counted_and_marked() -> None:
    large = large_report(10)
    assert FULL.changes
    new = frozenset(finding.id for finding in large.findings if finding.verdict is Verdict.DRIFT)
    root = parse_page(replace(large, changes=replace(FULL.changes, new=new)))
    assert "New drift 30" in text_of(find_only(root, "//section[@id='changes']"))
    assert "and 10 more, marked in the findings below" in text_of(find_only(root, "//section[@id='changes']"))
    assert len(root.xpath("//article[contains(@class, ' new')]")) == 30


def test_without_history_the_page_has_a_note_and_no_timeline() -> None:
    root = parse_page(CASES["outage"])
    assert text_of(find_only(root, "//section[@id='changes']/p")).startswith(
        "This report does not include history."
    )
    assert not root.xpath("//section[@id='runs'] | //input[@name='new'] | //nav/a[@href='#runs']")


def test_the_timeline_has_bars_gaps_and_a_table() -> None:
    runs = find_only(parse_page(FULL), "//section[@id='runs']")
    assert text_of(find_only(runs, "h2")) == "The last 30 runs"
    titles = [text_of(title) for title in runs.xpath(".//svg//title")]
    assert len(titles) == 31
    assert titles[29] == "2026-11-22 17:49 UTC: 7 drift, 18 unknown"
    assert titles[30] == "no run for 3 days"
    rows = [cell_texts(row) for row in runs.xpath(".//tbody/tr")]
    assert len(rows) == 30
    assert rows[0] == "2026-11-22 17:49 UTC 9 of 11 31 1 18 7"
    assert sum("incomplete" in row for row in rows) == 1
    height = float(find_only(runs, ".//svg").get("viewbox", "").split()[3])
    assert all(0 <= float(rect.get("y", 0)) <= height for rect in runs.xpath(".//svg//rect"))


def test_the_first_run_has_a_timeline() -> None:
    assert FULL.changes
    first = replace(FULL.changes, since=None, timeline=FULL.changes.timeline[-1:])
    root = parse_page(replace(FULL, changes=first))
    assert text_of(find_only(root, "//section[@id='runs']/h2")) == "The only run so far"
    assert "There is no earlier run to compare with." in text_of(find_only(root, "//section[@id='changes']"))
    assert not parse_page(replace(FULL, changes=replace(first, timeline=()))).xpath("//section[@id='runs']")


# --- findings ----------------------------------------------------------------------------------------------------


@given(REPORTS, STYLES)
def test_every_selected_finding_is_on_the_page_once(any_report: Report, style: Style) -> None:
    root = parse_page(any_report, style)
    ids = [str(id_).partition("-")[0] for id_ in root.xpath("//*[contains(concat(' ', @class, ' '), ' f ')]/@id")]
    assert Counter(ids) == Counter(finding.id for finding in style.select_findings(any_report))
    all_ids = root.xpath("//@id")
    assert len(all_ids) == len(set(all_ids))


def test_failed_hosts_come_first_then_the_most_urgent() -> None:
    assert parse_page(FULL).xpath("//section[@id='findings']/section/@data-host") == [
        *("ol-mem1", "ol-mem2", "ol-home0", "ol-covers0", "The fleet as a whole", "ol-www0", "ol-solr0", "ol-db1")
    ]


def test_unknown_checks_of_one_cause_are_one_entry() -> None:
    solr = find_only(parse_page(FULL), "//section[@data-host='ol-solr0']")
    combined = find_only(solr, "article[contains(@class, 'combined')]")
    assert text_of(find_only(combined, "h4")) == "unknown 15 checks, one cause"
    assert len(combined.xpath("ul/li")) == 15
    assert len(solr.xpath("article")) == 2


def test_a_finding_has_its_difference_age_source_and_fix() -> None:
    home = find_only(parse_page(FULL), "//section[@data-host='ol-home0']")
    renamed = home.xpath("article")[1]
    assert [text_of(div) for div in renamed.xpath("dl/div")] == [
        "expected openlibrary-covers-1",
        "observed openlibrary_covers_1",
    ]
    assert [mark.text for mark in renamed.xpath(".//del")] == ["-", "-"]
    assert [mark.text for mark in renamed.xpath(".//ins")] == ["_", "_"]
    assert find_only(renamed, "pre").text == "docker rename openlibrary_covers_1 openlibrary-covers-1"
    assert text_of(renamed.xpath("p")[-1]) == (
        "since 2026-11-20 03:00 UTC, 2 days · expected/hosts/ol-home0.yaml:5 · olaudit explain "
        + str(renamed.get("id"))
    )
    assert find_only(renamed, ".//time").get("datetime") == "2026-11-20T03:00:00Z"
    assert "first seen in this run" in text_of(home.xpath("article")[0])


def test_a_waived_finding_has_owner_reason_and_expiry() -> None:
    waiver = text_of(find_only(parse_page(FULL), "//p[@class='waiver']"))
    assert waiver == (
        "Waived by mek (internetarchive/openlibrary#11234) until 2026-12-31 (39 days left): "
        "Trusty stays until the database has moved · expected/waivers.yaml:7"
    )


def test_ok_findings_are_listed_only_with_all() -> None:
    assert not parse_page(FULL).xpath("//li[contains(@class, 'f ok')]")
    items = parse_page(FULL, Style(all=True)).xpath("//details[@class='ok-list']//li")
    assert len(items) == FULL.count(Verdict.OK)
