"""Kills runs of `olaudit report` with SIGKILL, at every step and at moments between, and looks at what is left.

A script, because it forks: imports are made once, each run is a process of its own. It prints a line per kill.

    python -m tests.cli.killing FOLDER     (FOLDER holds expected/; reports/ is made in it)
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from olaudit.cli import main
from olaudit.render.document import Document
from tests.cli.fleet import tools

START = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
REPORTS = Path("reports")
SAID = ({"ol-a": "Linux", "ol-b": "Minix", "ol-c": "Linux"}, {"ol-a": "Linux", "ol-b": "Linux", "ol-c": "Hurd"})
BETWEEN = 40  # runs that are killed by the clock, spread over what a whole run takes
CONNECT = sqlite3.connect
STEPS = ("open", "os.", "fcntl.", "sqlite3.")


def run(night: int, prepare: Callable[[], None] = lambda: None) -> int:
    """Run one report in a process of its own; give its process id."""
    if child := os.fork():
        return child
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    told = replace(tools(SAID[night % 2]), now=lambda: START + timedelta(days=night))
    prepare()
    os._exit(main(["report"], told))


def ended(child: int) -> int:
    """Wait for a run; give its exit code, or less than 0 if it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def dying_at(step: int) -> Callable[[], None]:
    """Have this process kill itself at its step-th step that touches the reports' folder or the history."""
    left = count(step, -1)

    def tick(*_: Any) -> None:
        if next(left) == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(STEPS) and any("reports" in str(argument) for argument in arguments):
            tick()

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = CONNECT(*arguments, **options)
        connection.set_trace_callback(tick)  # each statement is a step
        return connection

    def prepare() -> None:
        vars(sqlite3)["connect"] = connect
        sys.addaudithook(hook)

    return prepare


def look() -> int:
    """Make sure that all files and the history are whole; give the number of runs in the history."""
    for file in REPORTS.iterdir() if REPORTS.is_dir() else ():
        if file.name.startswith(".") or file.name.startswith("history.sqlite"):
            continue
        text = file.read_text(encoding="utf-8")  # of a link, what it leads to
        if file.suffix == ".json":
            Document.model_validate_json(text)
        whole = {".json": "}\n", ".html": "</html>", ".md": "\n"}
        assert text.endswith(whole[file.suffix]), file
    if not (REPORTS / "history.sqlite").exists():
        return 0
    with closing(sqlite3.connect(REPORTS / "history.sqlite")) as history:
        assert history.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        tables = {name for (name,) in history.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return int(history.execute("SELECT count(*) FROM runs").fetchone()[0]) if "runs" in tables else 0


def at_every_step(nights: Iterator[int]) -> None:
    """Kill a run at its first step, the next at its second, and so on until one gets through."""
    for step in count(1):
        night, before = next(nights), look()
        code = ended(run(night, dying_at(step)))
        if code >= 0:
            assert code == 1
            return
        print(f"step {step}: killed, {look()} runs kept")
        assert look() in (before, before + 1)
        before = look()
        assert ended(run(next(nights))) == 1, "the next run does not go on"
        assert look() == before + 1


def at_moments_between(nights: Iterator[int]) -> None:
    """Kill runs by the clock, so that some die in the middle of a write."""
    started = time.monotonic()
    assert ended(run(next(nights))) == 1
    whole = time.monotonic() - started
    for moment in range(BETWEEN):
        before = look()
        child = run(next(nights))
        time.sleep(whole * moment / BETWEEN)
        os.kill(child, signal.SIGKILL)
        killed = ended(child) < 0
        print(f"moment {moment}: {'killed' if killed else 'had ended'}, {look()} runs kept")
        assert look() in (before, before + 1)
    before = look()
    assert ended(run(next(nights))) == 1
    assert look() == before + 1


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    dates = count(1)
    at_every_step(dates)
    at_moments_between(dates)
