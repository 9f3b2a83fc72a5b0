"""The page as people meet it: from disk and from a server, by keyboard and pointer, on a phone, on paper."""

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

RICH = full_report()
TOTAL = len(RICH.findings)
RENAME = "docker rename openlibrary_covers_1 openlibrary-covers-1"


@pytest.fixture(params=["file", "served"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def quiet(tab: Tab, url: str, loads: int = 1) -> None:
    """Make sure that the page asked for nothing but itself, and that nothing was complained about."""
    assert [request.partition("#")[0] for request in tab.requests] == [url] * loads
    assert tab.complaints == []


def shows(tab: Page, count: int) -> None:
    expect(tab.locator("#filter output")).to_have_text(f"{count} of {TOTAL} findings")
    assert tab.locator(".f:not([hidden])").count() == count


@pytest.mark.parametrize(
    ("field", "value", "fits"),
    [
        ("host", "ol-home0", lambda found: found.host == "ol-home0"),
        ("check", "container.name", lambda found: found.check == "container.name"),
        ("check", "container.*", lambda found: found.check.startswith("container.")),
        ("severity", "critical", lambda found: found.severity == "critical"),
        ("verdict", "unknown", lambda found: found.verdict == "unknown"),
        ("verdict", "ok", lambda found: found.verdict == "ok"),
    ],
)
def test_each_field_filters_by_what_it_says(
    open_page: Opener, file: str, field: str, value: str, fits: Callable[[Finding], bool]
) -> None:
    tab = open_page(file)
    shows(tab.page, TOTAL)
    tab.page.select_option(f"[name={field}]", value)
    shows(tab.page, sum(fits(found) for found in RICH.findings))
    empty = tab.page.locator("section.host:not([hidden])").filter(has_not=tab.page.locator(".f:not([hidden])"))
    assert empty.count() == 0


def test_the_filter_is_kept_in_the_address_and_survives_a_reload(open_page: Opener, url: str) -> None:
    tab = open_page(url)
    tab.page.fill("[name=text]", "OPENLIBRARY compose")
    tab.page.select_option("[name=verdict]", "drift")
    shows(tab.page, 3)
    tab.page.check("[name=new]")
    shows(tab.page, 2)
    assert tab.page.url == f"{url}#text=OPENLIBRARY+compose&verdict=drift&new=1"
    tab.page.reload()
    shows(tab.page, 2)
    expect(tab.page.locator("[name=text]")).to_have_value("OPENLIBRARY compose")
    sent = open_page(tab.page.url)
    shows(sent.page, 2)
    tab.page.click("button[type=reset]")
    shows(tab.page, TOTAL)
    assert tab.page.url.partition("#")[2] == ""
    quiet(tab, url, loads=2)


def test_a_link_to_what_the_filter_hides_shows_it(open_page: Opener, file: str) -> None:
    tab = open_page(file)
    tab.page.select_option("[name=host]", "ol-covers0")
    shows(tab.page, 4)
    tab.page.click("#fleet a[href='#h-ol-home0']")
    shows(tab.page, TOTAL)
    expect(tab.page.locator("#h-ol-home0")).to_be_in_viewport()


def test_keys_lead_to_the_filter_and_out_of_it(open_page: Opener, url: str) -> None:
    tab = open_page(url)
    tab.page.keyboard.press("Tab")
    expect(tab.page.locator(".skip")).to_be_focused()
    expect(tab.page.locator(".skip")).to_be_in_viewport()
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator("#findings")).to_be_focused()
    tab.page.keyboard.press("/")
    expect(tab.page.locator("[name=text]")).to_be_focused()
    tab.page.keyboard.type("hosts/ol-home0")
    shows(tab.page, sum(found.host == "ol-home0" and found.verdict is not Verdict.OK for found in RICH.findings))
    tab.page.keyboard.press("Escape")
    shows(tab.page, TOTAL)
    expect(tab.page.locator("[name=text]")).to_have_value("")
    quiet(tab, url)


def test_a_command_is_copied_to_the_clipboard(open_page: Opener, served: str) -> None:
    tab = open_page(served, permissions=["clipboard-read", "clipboard-write"])
    button = tab.page.locator(".do", has_text=RENAME).first.get_by_role("button")
    button.click()
    expect(button).to_have_text("Copied")
    expect(tab.page.locator("#status")).to_have_text("Command copied")
    assert tab.page.evaluate("navigator.clipboard.readText()") == RENAME
    quiet(tab, served)


@pytest.mark.parametrize("clipboard", ["undefined", "{ writeText: () => Promise.reject(new Error('no leave')) }"])
def test_a_command_is_copied_where_there_is_no_clipboard_or_no_leave_to_use_it(
    open_page: Opener, file: str, clipboard: str
) -> None:
    tab = open_page(file)
    tab.page.evaluate(f"Object.defineProperty(navigator, 'clipboard', {{ value: {clipboard} }})")
    tab.page.locator(".do", has_text=RENAME).first.get_by_role("button").click()
    expect(tab.page.locator("#status")).to_have_text("Command copied")
    tab.page.focus("[name=text]")
    tab.page.keyboard.press("Control+V")
    expect(tab.page.locator("[name=text]")).to_have_value(RENAME)
    quiet(tab, file)


def test_without_scripts_everything_is_there_to_be_read(open_page: Opener, file: str) -> None:
    tab = open_page(file, java_script_enabled=False)
    expect(tab.page.locator("#filter")).to_be_hidden()
    assert tab.page.locator(".f").count() == TOTAL
    expect(tab.page.locator("pre", has_text=RENAME).first).to_be_visible()
    quiet(tab, file)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_that_keeps_anybody_out(open_page: Opener, file: str, scheme: str, width: int) -> None:
    tab = open_page(
        file,
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
        bypass_csp=True,
        reduced_motion="reduce",
    )
    assert violations(tab) == []


@pytest.mark.parametrize("width", [320, 390, 800, 1280])
def test_the_page_never_scrolls_sideways(open_page: Opener, file: str, width: int) -> None:
    tab = open_page(file, viewport={"width": width, "height": 900})
    assert tab.page.evaluate("document.documentElement.scrollWidth") == width


def test_on_paper_everything_is_open_and_the_controls_are_gone(open_page: Opener, file: str) -> None:
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
    ("live", "fine", "old"),
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
def test_a_page_that_is_left_open_grows_old_and_says_so(
    open_page: Opener, tmp_path: Path, live: LiveRefresh | None, fine: str, old: timedelta
) -> None:
    place = tmp_path / "page.html"
    place.write_text(render_page(RICH, Style(), live), encoding="utf-8")
    tab = open_page(place.as_uri())
    started = datetime.fromisoformat(RICH.run.started_at)
    tab.page.clock.install(time=started + timedelta(minutes=5))
    tab.page.reload()
    ago = tab.page.locator("#ago")
    expect(ago).to_have_text(", 5 minutes ago")
    young = old - timedelta(minutes=2)
    tab.page.clock.fast_forward(int((young - timedelta(minutes=5)).total_seconds() * 1000))
    expect(ago).to_have_text(f", {fine}")
    expect(ago).not_to_contain_class("old")
    tab.page.clock.fast_forward(120_000)
    expect(ago).to_contain_class("old")


def test_a_live_page_renews_itself_unless_it_is_paused(
    open_page: Opener, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("live") / "live.html"
    live = LiveRefresh(refreshed_at="2026-11-22T17:50:00Z", every_seconds=1)
    place.write_text(render_page(RICH, Style(), live), encoding="utf-8")
    tab = open_page(place.as_uri())
    tab.page.wait_for_timeout(1400)
    tab.page.click("#pause")
    loads = len(tab.requests)
    assert loads > 1
    tab.page.wait_for_timeout(1400)
    assert len(tab.requests) == loads
    tab.page.click("#pause")
    tab.page.wait_for_timeout(1400)
    assert len(tab.requests) > loads
    assert tab.complaints == []
