"""The live page of `olaudit serve`, over the drifting simulated fleet, held to what the nightly page is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from olaudit.demo.drifts import DRIFTS
from olaudit.demo.fleet import simulated
from tests.browser.conftest import Opener, violations
from tests.demo.auditing import shipped_fleet
from tests.serve.process import serving
from tests.serve.running import ready

START = "docker start openlibrary-importbot-1"


@pytest.fixture(scope="module")
def live() -> Iterator[str]:
    """Give the address of the live page, when all hosts were audited."""
    with simulated(shipped_fleet(), DRIFTS) as simulation, serving(simulation.ssh_config) as (_, port):
        ready(port)
        yield f"http://localhost:{port}/"


def test_it_tells_of_the_drifting_fleet_and_asks_for_nothing_but_itself(open_page: Opener, live: str) -> None:
    tab = open_page(live)
    said = tab.page.inner_text("header")
    assert "13 of 14 hosts audited" in said
    assert "Live: refreshed at" in said
    assert "openlibrary-web_nginx-1" in tab.page.inner_text("#findings")
    assert tab.requests == [live]
    assert tab.complaints == []


def test_it_filters_and_copies(open_page: Opener, live: str) -> None:
    tab = open_page(live, permissions=["clipboard-read", "clipboard-write"])
    # a busy machine makes further checks unknown, so the page itself says how many there are
    total = tab.page.locator("#findings .f").count()
    tab.page.select_option("[name=host]", "ol-home0")
    expect(tab.page.locator("#filter output")).not_to_have_text(f"{total} of {total} findings")
    shown = tab.page.locator("#findings .f:visible").count()
    assert 1 <= shown < total
    expect(tab.page.locator("#filter output")).to_have_text(f"{shown} of {total} findings")
    tab.page.locator(".do", has_text=START).first.get_by_role("button").click()
    expect(tab.page.locator("#status")).to_have_text("Command copied")
    assert tab.page.evaluate("navigator.clipboard.readText()") == START
    assert tab.complaints == []


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_that_keeps_anybody_out(open_page: Opener, live: str, scheme: str, width: int) -> None:
    viewport = {"width": width, "height": 900}
    tab = open_page(live, color_scheme=scheme, viewport=viewport, bypass_csp=True, reduced_motion="reduce")
    assert violations(tab) == []
