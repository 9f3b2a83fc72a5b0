"""The progress of an audit: one line on a terminal, which is updated, and erased at the end."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from olaudit.collect import Progress, ProgressCallback

LIST_HOSTS_AFTER_SECONDS = 2.0
"""The time after which the line lists pending hosts; before, it would only flicker."""


def line(progress: Progress, width: int) -> str:
    """Format the progress in fewer than `width` columns."""
    text = f"{progress.done} of {progress.total} hosts, {progress.seconds:.0f} s"
    if progress.seconds >= LIST_HOSTS_AFTER_SECONDS and progress.waiting:
        text += f", waiting for {' '.join(progress.waiting)}"
    return text if len(text) < width else f"{text[: width - 4]}..."


@contextmanager
def show_progress(stream: TextIO | None = None) -> Iterator[ProgressCallback]:
    """Show progress while the block runs, if `stream` (default: stderr) is a terminal."""
    stream = stream or sys.stderr
    if not stream.isatty():
        yield lambda _: None
        return
    width = shutil.get_terminal_size().columns

    def show(progress: Progress) -> None:
        # spaces, not an escape sequence: every terminal supports them
        stream.write(f"\r{line(progress, width):<{width - 1}}")
        stream.flush()

    try:
        yield show
    finally:
        stream.write(f"\r{'':<{width - 1}}\r")
        stream.flush()
