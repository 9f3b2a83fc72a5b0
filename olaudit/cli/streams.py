"""stdout and stderr as this process inherited them: closed, full, or unable to show a letter."""

from __future__ import annotations

import io
import sys
from contextlib import suppress
from typing import TextIO

from olaudit.cli.output import discard, stdout_error
from olaudit.errors import OutputError


class _Unfailing(io.TextIOWrapper):
    """stderr that drops what cannot be written: a log that is full must not change how a run ends."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def prepare() -> None:
    """Make both streams take any letter; and stderr, where it is the process's own, any failure to write."""
    if isinstance(sys.stderr, io.TextIOWrapper) and sys.stderr is sys.__stderr__:
        line_buffered, encoding = sys.stderr.line_buffering, sys.stderr.encoding
        sys.stderr = _Unfailing(sys.stderr.detach(), encoding, "replace", line_buffering=line_buffered)
        sys.__stderr__ = sys.stderr  # type: ignore[misc]  # the one before is detached, and of no use any more
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a letter must not cost the report


def failure() -> OutputError | None:
    """Flush stdout; give the error where what it buffers cannot be written, which is then dropped.

    A reader who has seen enough (`| head`) is no error.
    """
    error = _flush(sys.stdout)
    if error is None:
        return None
    with suppress(OSError, ValueError):  # it has no descriptor, in tests
        discard(sys.stdout)
    return None if isinstance(error, BrokenPipeError) else stdout_error(error)


def is_stdout(error: OSError) -> bool:
    """Tell whether `error` came up because stdout cannot be written, and not some file."""
    return _flush(sys.stdout) is not None or isinstance(error, BrokenPipeError)


def _flush(stream: TextIO) -> OSError | None:
    try:
        stream.flush()
    except OSError as error:
        return error
    except ValueError:  # closed, by whoever runs us in their own process
        return None
    return None
