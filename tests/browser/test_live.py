"""The live page of `olaudit serve` for the simulated fleet with drift."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from olaudit.demo.drifts import DRIFTS
from olaudit.demo.fleet import simulated
from tests.browser.conftest import Opener, violations
from tests.demo.auditing import shipped_fleet
from tests.serve.harness import wait_until_ready
from tests.serve.process import serving

START = "docker start openlibrary-importbot-1"


@pytest.fixture(scope="module")
def live() -> Iterator[str]:
    """Yield the address of the live page after all hosts were audited."""
    with simulated(shipped_fleet(), DRIFTS) as simulation, serving(simulation.ssh_config) as (_, port):
        wait_until_ready(port)
        yield f"http://localhost:{port}/"


def test_the_page_shows_the_drift_and_requests_only_itself(open_page: Opener, live: str) -> None:
    tab = open_page(live)
    header = tab.page.inner_text("header")
    assert "13 of 14 hosts audited" in header
    assert "Live: refreshed at" in header
    assert "openlibrary-web_nginx-1" in tab.page.inner_text("#findings")
    assert tab.requests == [live]
    assert tab.messages == []


def test_the_page_filters_and_copies(open_page: Opener, live: str) -> None:
    tab = open_page(live, permissions=["clipboard-read", "clipboard-write"])
    # on a busy machine further checks are unknown, so the total is read from the page
    total = tab.page.locator("#findings .f").count()
    tab.page.select_option("[name=host]", "ol-home0")
    expect(tab.page.locator("#filter output")).not_to_have_text(f"{total} of {total} findings")
    shown = tab.page.locator("#findings .f:visible").count()
    assert 1 <= shown < total
    expect(tab.page.locator("#filter output")).to_have_text(f"{shown} of {total} findings")
    tab.page.locator(".command", has_text=START).first.get_by_role("button").click()
    expect(tab.page.locator("#status")).to_have_text("Command copied")
    assert tab.page.evaluate("navigator.clipboard.readText()") == START
    assert tab.messages == []


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_accessibility_violations(open_page: Opener, live: str, scheme: str, width: int) -> None:
    viewport = {"width": width, "height": 900}
    tab = open_page(live, color_scheme=scheme, viewport=viewport, bypass_csp=True, reduced_motion="reduce")
    assert violations(tab) == []
