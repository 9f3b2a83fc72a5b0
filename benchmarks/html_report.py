"""How large the HTML report gets, and how soon it can be read: 1,000 hosts with 5,000 findings.

    python -m benchmarks.html_report

It prints a table and judges nothing; the page should be below 5 MB and open within 2 s. The browser is Debian's
Chromium, started with an empty profile; the best and the worst of several openings are shown.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter

from playwright.sync_api import Browser, sync_playwright
from tabulate import tabulate

from olaudit.render.html import render
from olaudit.render.style import Style
from tests.browser.conftest import ARGS, CHROMIUM
from tests.render.pages import large_report

TIMES = 5
# until the browser has drawn what the filter left, from the moment the field hears of the first letters
FILTER = """() => new Promise((done) => {
  const text = document.querySelector('[name=text]');
  const said = document.querySelector('#filter output');
  const began = performance.now();
  new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => done(performance.now() - began))))
    .observe(said, {childList: true, characterData: true, subtree: true});
  text.value = 'ol-web0042';
  text.dispatchEvent(new Event('input', {bubbles: true}));
})"""
# until two frames after the load event: what is on the screen has been drawn
DRAWN = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(
  performance.now()))))"""
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"


def opened(browser: Browser, url: str) -> tuple[float, float, float]:
    """Open `url`; give the milliseconds until the load event, until it was drawn, and of the first filtering."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(url)
    drawn = float(page.evaluate(DRAWN))
    loaded = float(page.evaluate(LOADED))
    filtered = float(page.evaluate(FILTER))
    context.close()
    return loaded, drawn, filtered


def measured(hosts: int, each: int, browser: Browser, folder: Path) -> list[str]:
    """Give one row of the table."""
    report = large_report(hosts, each)
    began = perf_counter()
    text = render(report, Style())
    rendering = perf_counter() - began
    file = folder / f"{hosts}.html"
    file.write_text(text, encoding="utf-8")
    loads, drawns, filters = zip(*(opened(browser, file.as_uri()) for _ in range(TIMES)), strict=True)
    return [
        f"{hosts}",
        str(text.count('class="f ')),
        f"{rendering:.2f} s",
        f"{len(text.encode()) / 1e6:.2f} MB",
        *(f"{min(times):.0f} to {max(times):.0f} ms" for times in (loads, drawns, filters)),
    ]


def main() -> None:
    """Measure, and print."""
    head = ["hosts", "findings", "rendering", "size", "until load", "until drawn", "first filter"]
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGS))
        rows = [measured(hosts, 5, browser, Path(folder)) for hosts in (14, 100, 1000)]
        browser.close()
    print(tabulate(rows, head, disable_numparse=True))


if __name__ == "__main__":
    main()
