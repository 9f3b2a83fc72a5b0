"""The page in a browser: from disk and from a server, by keyboard and pointer, on small screens, in print."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from olaudit.model import Finding, Verdict
from olaudit.render.html.page import LiveRefresh, render_page
from olaudit.render.style import Style
from tests.browser.conftest import Opener, Tab, violations
from tests.render.pages import full_report

REPORT = full_report()
TOTAL = len(REPORT.findings)
RENAME = "docker rename openlibrary_covers_1 openlibrary-covers-1"


@pytest.fixture(params=["file", "served"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def assert_only_page_loaded(tab: Tab, url: str, loads: int = 1) -> None:
    """Assert that the page requested only itself, without console messages and errors."""
    assert [request.partition("#")[0] for request in tab.requests] == [url] * loads
    assert tab.messages == []


def assert_shown(page_: Page, count: int) -> None:
    expect(page_.locator("#filter output")).to_have_text(f"{count} of {TOTAL} findings")
    assert page_.locator(".f:not([hidden])").count() == count


@pytest.mark.parametrize(
    ("field", "value", "matches"),
    [
        ("host", "ol-home0", lambda finding: finding.host == "ol-home0"),
        ("check", "container.name", lambda finding: finding.check == "container.name"),
        ("check", "container.*", lambda finding: finding.check.startswith("container.")),
        ("severity", "critical", lambda finding: finding.severity == "critical"),
        ("verdict", "unknown", lambda finding: finding.verdict == "unknown"),
        ("verdict", "ok", lambda finding: finding.verdict == "ok"),
    ],
)
def test_each_field_filters_the_findings(
    open_page: Opener, file: str, field: str, value: str, matches: Callable[[Finding], bool]
) -> None:
    tab = open_page(file)
    assert_shown(tab.page, TOTAL)
    tab.page.select_option(f"[name={field}]", value)
    assert_shown(tab.page, sum(matches(finding) for finding in REPORT.findings))
    empty = tab.page.locator("section.host:not([hidden])").filter(has_not=tab.page.locator(".f:not([hidden])"))
    assert empty.count() == 0


def test_the_filter_is_in_the_address_and_survives_a_reload(open_page: Opener, url: str) -> None:
    tab = open_page(url)
    tab.page.fill("[name=text]", "OPENLIBRARY compose")
    tab.page.select_option("[name=verdict]", "drift")
    assert_shown(tab.page, 3)
    tab.page.check("[name=new]")
    assert_shown(tab.page, 2)
    assert tab.page.url == f"{url}#text=OPENLIBRARY+compose&verdict=drift&new=1"
    tab.page.reload()
    assert_shown(tab.page, 2)
    expect(tab.page.locator("[name=text]")).to_have_value("OPENLIBRARY compose")
    shared = open_page(tab.page.url)
    assert_shown(shared.page, 2)
    tab.page.click("button[type=reset]")
    assert_shown(tab.page, TOTAL)
    assert tab.page.url.partition("#")[2] == ""
    assert_only_page_loaded(tab, url, loads=2)


def test_a_link_to_a_hidden_finding_clears_the_filter(open_page: Opener, file: str) -> None:
    tab = open_page(file)
    tab.page.select_option("[name=host]", "ol-covers0")
    assert_shown(tab.page, 4)
    tab.page.click("#fleet a[href='#h-ol-home0']")
    assert_shown(tab.page, TOTAL)
    expect(tab.page.locator("#h-ol-home0")).to_be_in_viewport()


def test_keys_focus_and_clear_the_filter(open_page: Opener, url: str) -> None:
    tab = open_page(url)
    tab.page.keyboard.press("Tab")
    expect(tab.page.locator(".skip")).to_be_focused()
    expect(tab.page.locator(".skip")).to_be_in_viewport()
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator("#findings")).to_be_focused()
    tab.page.keyboard.press("/")
    expect(tab.page.locator("[name=text]")).to_be_focused()
    tab.page.keyboard.type("hosts/ol-home0")
    assert_shown(
        tab.page,
        sum(finding.host == "ol-home0" and finding.verdict is not Verdict.OK for finding in REPORT.findings),
    )
    tab.page.keyboard.press("Escape")
    assert_shown(tab.page, TOTAL)
    expect(tab.page.locator("[name=text]")).to_have_value("")
    assert_only_page_loaded(tab, url)


def test_a_command_is_copied_to_the_clipboard(open_page: Opener, served: str) -> None:
    tab = open_page(served, permissions=["clipboard-read", "clipboard-write"])
    button = tab.page.locator(".command", has_text=RENAME).first.get_by_role("button")
    button.click()
    expect(button).to_have_text("Copied")
    expect(tab.page.locator("#status")).to_have_text("Command copied")
    assert tab.page.evaluate("navigator.clipboard.readText()") == RENAME
    assert_only_page_loaded(tab, served)


@pytest.mark.parametrize(
    "clipboard", ["undefined", "{ writeText: () => Promise.reject(new Error('not permitted')) }"]
)
def test_a_command_is_copied_without_the_clipboard_api(open_page: Opener, file: str, clipboard: str) -> None:
    tab = open_page(file)
    tab.page.evaluate(f"Object.defineProperty(navigator, 'clipboard', {{ value: {clipboard} }})")
    tab.page.locator(".command", has_text=RENAME).first.get_by_role("button").click()
    expect(tab.page.locator("#status")).to_have_text("Command copied")
    tab.page.focus("[name=text]")
    tab.page.keyboard.press("Control+V")
    expect(tab.page.locator("[name=text]")).to_have_value(RENAME)
    assert_only_page_loaded(tab, file)


def test_without_scripts_all_content_is_readable(open_page: Opener, file: str) -> None:
    tab = open_page(file, java_script_enabled=False)
    expect(tab.page.locator("#filter")).to_be_hidden()
    assert tab.page.locator(".f").count() == TOTAL
    expect(tab.page.locator("pre", has_text=RENAME).first).to_be_visible()
    assert_only_page_loaded(tab, file)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_accessibility_violations(open_page: Opener, file: str, scheme: str, width: int) -> None:
    tab = open_page(
        file,
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
        bypass_csp=True,
        reduced_motion="reduce",
    )
    assert violations(tab) == []


@pytest.mark.parametrize("width", [320, 390, 800, 1280])
def test_the_page_never_scrolls_horizontally(open_page: Opener, file: str, width: int) -> None:
    tab = open_page(file, viewport={"width": width, "height": 900})
    assert tab.page.evaluate("document.documentElement.scrollWidth") == width


def test_in_print_details_are_open_and_controls_hidden(open_page: Opener, file: str) -> None:
    tab = open_page(file, color_scheme="dark")
    tab.page.emulate_media(media="print")
    expect(tab.page.locator("#filter")).to_be_hidden()
    expect(tab.page.locator(".copy").first).to_be_hidden()
    tab.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.page.locator("details:not([open])").count() == 0
    expect(tab.page.locator("#coverage tbody tr").first).to_be_visible()
    assert tab.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    tab.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.page.locator("details[open]").count() == 0


@pytest.mark.parametrize(
    ("live", "recent", "max_age"),
    [
        (None, "1 day ago", timedelta(hours=36, minutes=1)),
        (
            LiveRefresh(refreshed_at="2026-11-22T17:50:00Z", every_seconds=9999),
            "59 minutes ago",
            timedelta(minutes=61),
        ),
    ],
    ids=["nightly", "live"],
)
def test_an_open_page_shows_its_age_and_becomes_outdated(
    open_page: Opener, tmp_path: Path, live: LiveRefresh | None, recent: str, max_age: timedelta
) -> None:
    path = tmp_path / "page.html"
    path.write_text(render_page(REPORT, Style(), live), encoding="utf-8")
    tab = open_page(path.as_uri())
    started = datetime.fromisoformat(REPORT.run.started_at)
    tab.page.clock.install(time=started + timedelta(minutes=5))
    tab.page.reload()
    ago = tab.page.locator("#ago")
    expect(ago).to_have_text(", 5 minutes ago")
    almost_max_age = max_age - timedelta(minutes=2)
    tab.page.clock.fast_forward(int((almost_max_age - timedelta(minutes=5)).total_seconds() * 1000))
    expect(ago).to_have_text(f", {recent}")
    expect(ago).not_to_contain_class("old")
    tab.page.clock.fast_forward(120_000)
    expect(ago).to_contain_class("old")


def test_a_live_page_reloads_unless_it_is_paused(
    open_page: Opener, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("live") / "live.html"
    live = LiveRefresh(refreshed_at="2026-11-22T17:50:00Z", every_seconds=1)
    path.write_text(render_page(REPORT, Style(), live), encoding="utf-8")
    tab = open_page(path.as_uri())
    tab.page.wait_for_timeout(1400)
    tab.page.click("#pause")
    loads = len(tab.requests)
    assert loads > 1
    tab.page.wait_for_timeout(1400)
    assert len(tab.requests) == loads
    tab.page.click("#pause")
    tab.page.wait_for_timeout(1400)
    assert len(tab.requests) > loads
    assert tab.messages == []
