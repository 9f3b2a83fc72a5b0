"""Fixtures: Debian's Chromium, and the page on disk and on a server with a strict policy."""

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
# The options disable features of the browser that send requests on their own.
ARGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@dataclass
class Tab:
    """An opened page, the addresses that it requested, and its console messages and errors."""

    page: Page
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium with a new profile.

    If it is not installed, the test is skipped, or fails with OLAUDIT_REQUIRE_FLEET=1.
    """
    if not CHROMIUM.exists():
        reason = f"no Chromium at {CHROMIUM}: apt-get install chromium"
        if os.environ.get("OLAUDIT_REQUIRE_FLEET") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def text() -> str:
    """Render the page with all of its features."""
    return render_page(full_report(), Style(all=True))


@pytest.fixture(scope="module")
def file(text: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the page to disk and return its address."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(text, encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def served(text: str) -> Iterator[str]:
    """Serve the page with its policy as a header, and yield its address."""

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
    """Run axe-core on the page with all details open; return the violated rules and their elements."""
    for details in tab.page.locator("details").all():
        details.evaluate("details => { details.open = true }")
    # axe-core cannot evaluate elements that are not laid out because they are off-screen
    tab.page.add_style_tag(content=".host, .role { content-visibility: visible !important }")
    tab.page.evaluate(
        (importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    )
    violated = tab.page.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then(results => results.violations)"
    )
    return [(rule["id"], [node["html"][:200] for node in rule["nodes"][:3]]) for rule in violated]


class Opener:
    """Opener of addresses, each in a new browser context; files are opened without network access."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def __call__(self, url: str, **settings: Any) -> Tab:
        context = self._browser.new_context(**{"offline": url.startswith("file:"), **settings})
        context.set_default_timeout(5000)
        self._contexts.append(context)
        tab = Tab(context.new_page())
        tab.page.on("request", lambda request: tab.requests.append(request.url))
        tab.page.on("console", lambda message: tab.messages.append(message.text))
        tab.page.on("pageerror", lambda error: tab.messages.append(str(error)))
        tab.page.goto(url)
        return tab

    def close(self) -> None:
        """Close all contexts."""
        for context in self._contexts:
            context.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Opener]:
    """Yield an opener of pages."""
    opener = Opener(browser)
    yield opener
    opener.close()
