"""Debian's Chromium, and the page from disk and from a server with a strict policy."""

from __future__ import annotations

import importlib.resources
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from olaudit.render.html.page import content_security_policy, render_page
from olaudit.render.style import Style
from tests.render.pages import full_report

CHROMIUM = Path("/usr/bin/chromium")
# Nothing is asked of anybody: the browser has features that phone home by themselves.
ARGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@dataclass
class Tab:
    """A page that was opened, what it asked for, and what it complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium with a profile of its own. Without it skip; with OLAUDIT_REQUIRE_FLEET=1 fail."""
    if not CHROMIUM.exists():
        reason = f"no Chromium at {CHROMIUM}: apt-get install chromium"
        if os.environ.get("OLAUDIT_REQUIRE_FLEET") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def text() -> str:
    """Give the page with everything in it."""
    return render_page(full_report(), Style(all=True))


@pytest.fixture(scope="module")
def file(text: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the address of the page on disk."""
    place = tmp_path_factory.mktemp("page") / "report.html"
    place.write_text(text, encoding="utf-8")
    return place.as_uri()


@pytest.fixture(scope="module")
def served(text: str) -> Iterator[str]:
    """Give the address of the page on a server that sends its policy as a header."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", f"{content_security_policy()}; frame-ancestors 'none'")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


def violations(tab: Tab) -> list[tuple[str, list[str]]]:
    """Let axe-core look for what keeps anybody out, with everything unfolded: the rules broken, and where."""
    for details in tab.page.locator("details").all():
        details.evaluate("one => { one.open = true }")
    # what is far away is not laid out, and axe cannot judge what it cannot measure
    tab.page.add_style_tag(content=".host, .role { content-visibility: visible !important }")
    tab.page.evaluate(
        (importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    )
    found = tab.page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(found => found.violations)")
    return [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found]


class Opener:
    """Opens addresses, each in a context of its own; what is on disk, without any network."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def __call__(self, url: str, **settings: Any) -> Tab:
        context = self._browser.new_context(**{"offline": url.startswith("file:"), **settings})
        context.set_default_timeout(5000)
        self._contexts.append(context)
        tab = Tab(context.new_page())
        tab.page.on("request", lambda request: tab.requests.append(request.url))
        tab.page.on("console", lambda message: tab.complaints.append(message.text))
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.page.goto(url)
        return tab

    def close(self) -> None:
        """Close everything that was opened."""
        for context in self._contexts:
            context.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Opener]:
    """Give what opens pages."""
    opener = Opener(browser)
    yield opener
    opener.close()
