"""Benchmark of the HTML report: its size and loading time, up to 1,000 hosts with 5,000 findings.

    python -m benchmarks.html_report

It prints a table and asserts nothing. The page should be smaller than 5 MB and load within 2 s. The browser is
Debian's Chromium with an empty profile. The table shows the best and the worst of several page loads.
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

PAGE_LOADS = 5
# milliseconds from the input event until the browser has drawn the filtered findings
FILTER = """() => new Promise((done) => {
  const text = document.querySelector('[name=text]');
  const output = document.querySelector('#filter output');
  const started = performance.now();
  new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => done(performance.now() - started))))
    .observe(output, {childList: true, characterData: true, subtree: true});
  text.value = 'ol-web0042';
  text.dispatchEvent(new Event('input', {bubbles: true}));
})"""
# milliseconds until the second frame, when the page has been drawn
DRAWN = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(
  performance.now()))))"""
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"


def load_page(browser: Browser, url: str) -> tuple[float, float, float]:
    """Load `url`; return the milliseconds until the load event, until it is drawn, and of the first filtering."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(url)
    drawn = float(page.evaluate(DRAWN))
    loaded = float(page.evaluate(LOADED))
    filtered = float(page.evaluate(FILTER))
    context.close()
    return loaded, drawn, filtered


def measure(hosts: int, each: int, browser: Browser, folder: Path) -> list[str]:
    """Return one row of the table."""
    report = large_report(hosts, each)
    started = perf_counter()
    text = render(report, Style())
    rendering = perf_counter() - started
    file = folder / f"{hosts}.html"
    file.write_text(text, encoding="utf-8")
    load_times, draw_times, filter_times = zip(
        *(load_page(browser, file.as_uri()) for _ in range(PAGE_LOADS)), strict=True
    )
    return [
        f"{hosts}",
        str(text.count('class="f ')),
        f"{rendering:.2f} s",
        f"{len(text.encode()) / 1e6:.2f} MB",
        *(f"{min(times):.0f} to {max(times):.0f} ms" for times in (load_times, draw_times, filter_times)),
    ]


def main() -> None:
    """Print the table."""
    head = ["hosts", "findings", "rendering", "size", "until load", "until drawn", "first filter"]
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGS))
        rows = [measure(hosts, 5, browser, Path(folder)) for hosts in (14, 100, 1000)]
        browser.close()
    print(tabulate(rows, head, disable_numparse=True))


if __name__ == "__main__":
    main()
