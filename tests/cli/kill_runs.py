"""A script that kills runs of `olaudit report` with SIGKILL at every step, and at times between, and checks files.

It forks for each run, so that it imports modules only in the parent process. It prints one line for each kill.

    python -m tests.cli.kill_runs FOLDER     (FOLDER contains expected/; reports/ is created in it)
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
SCRIPTS = ({"ol-a": "Linux", "ol-b": "Minix", "ol-c": "Linux"}, {"ol-a": "Linux", "ol-b": "Linux", "ol-c": "Hurd"})
TIMED_KILLS = 40  # runs that are killed after a delay, spread over the duration of a full run
CONNECT = sqlite3.connect
STEPS = ("open", "os.", "fcntl.", "sqlite3.")


def run(number: int, prepare: Callable[[], None] = lambda: None) -> int:
    """Run one report in a child process; return its process id."""
    if child := os.fork():
        return child
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    nightly_tools = replace(tools(SCRIPTS[number % 2]), now=lambda: START + timedelta(days=number))
    prepare()
    os._exit(main(["report"], nightly_tools))


def wait_for(child: int) -> int:
    """Wait for a run; return its exit code, negative if it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_at(step: int) -> Callable[[], None]:
    """Return a function that makes its process kill itself at the given step.

    A step is an access to the reports folder or the history.
    """
    remaining = count(step, -1)

    def tick(*_: Any) -> None:
        if next(remaining) == 1:
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


def check_files() -> int:
    """Check that all files and the history are complete; return the number of runs in the history."""
    for file in REPORTS.iterdir() if REPORTS.is_dir() else ():
        if file.name.startswith(".") or file.name.startswith("history.sqlite"):
            continue
        text = file.read_text(encoding="utf-8")  # follows links
        if file.suffix == ".json":
            Document.model_validate_json(text)
        endings = {".json": "}\n", ".html": "</html>", ".md": "\n"}
        assert text.endswith(endings[file.suffix]), file
    if not (REPORTS / "history.sqlite").exists():
        return 0
    with closing(sqlite3.connect(REPORTS / "history.sqlite")) as history:
        assert history.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        tables = {name for (name,) in history.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return int(history.execute("SELECT count(*) FROM runs").fetchone()[0]) if "runs" in tables else 0


def kill_at_every_step(numbers: Iterator[int]) -> None:
    """Kill a run at its first step, the next one at its second, and so on until a run completes."""
    for step in count(1):
        number, before = next(numbers), check_files()
        code = wait_for(run(number, kill_at(step)))
        if code >= 0:
            assert code == 1
            return
        print(f"step {step}: killed, {check_files()} runs stored")
        assert check_files() in (before, before + 1)
        before = check_files()
        assert wait_for(run(next(numbers))) == 1, "the next run fails"
        assert check_files() == before + 1


def kill_after_delays(numbers: Iterator[int]) -> None:
    """Kill runs after increasing delays, some of them during a write."""
    started = time.monotonic()
    assert wait_for(run(next(numbers))) == 1
    duration = time.monotonic() - started
    for number in range(TIMED_KILLS):
        before = check_files()
        child = run(next(numbers))
        time.sleep(duration * number / TIMED_KILLS)
        os.kill(child, signal.SIGKILL)
        killed = wait_for(child) < 0
        print(f"delay {number}: {'killed' if killed else 'completed'}, {check_files()} runs stored")
        assert check_files() in (before, before + 1)
    before = check_files()
    assert wait_for(run(next(numbers))) == 1
    assert check_files() == before + 1


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    run_numbers = count(1)
    kill_at_every_step(run_numbers)
    kill_after_delays(run_numbers)
