from __future__ import annotations

import io

import pytest

from olaudit.cli.progress import line, show_progress
from olaudit.collect import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_counts_hosts() -> None:
    assert line(Progress(3, 14, ("ol-a",), 1.9), 80) == "3 of 14 hosts, 2 s"


def test_progress_lists_pending_hosts_after_a_while() -> None:
    assert line(Progress(12, 14, ("ol-b", "ol-a"), 2.0), 80) == "12 of 14 hosts, 2 s, waiting for ol-b ol-a"


def test_progress_fits_on_one_line() -> None:
    text = line(Progress(0, 99, tuple(f"ol-web{n}" for n in range(99)), 5), 40)
    assert len(text) < 40
    assert text.endswith("...")


def test_progress_line_is_erased_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    with show_progress(stream) as watch:
        watch(Progress(1, 2, (), 0.1))
        watch(Progress(2, 2, (), 0.2))
    assert stream.getvalue().split("\r") == [
        "", f"{'1 of 2 hosts, 0 s':<39}", f"{'2 of 2 hosts, 0 s':<39}", " " * 39, "",
    ]  # fmt: skip


def test_progress_is_shown_on_terminals_only() -> None:
    stream = io.StringIO()
    with show_progress(stream) as watch:
        watch(Progress(1, 2, (), 0.1))
    assert stream.getvalue() == ""
