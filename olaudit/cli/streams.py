"""The inherited stdout and stderr: they may be closed, full, or limited to some characters."""

import io
import sys
from contextlib import suppress
from typing import TextIO

from olaudit.cli.output import discard, stdout_error
from olaudit.errors import OutputError


class _LossyTextIO(io.TextIOWrapper):
    """A stderr that discards text that it cannot write: a full log must not change the exit code."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def prepare() -> None:
    """Make both streams accept any character, and make the process's own stderr ignore write errors."""
    if isinstance(sys.stderr, io.TextIOWrapper) and sys.stderr is sys.__stderr__:
        line_buffered, encoding = sys.stderr.line_buffering, sys.stderr.encoding
        sys.stderr = _LossyTextIO(sys.stderr.detach(), encoding, "replace", line_buffering=line_buffered)
        sys.__stderr__ = sys.stderr  # type: ignore[misc]  # the previous object is detached and unusable
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a character that the encoding lacks must not fail the report


def failure() -> OutputError | None:
    """Flush stdout; if that fails, discard its buffer and return the error.

    A pipe that the reader has closed (`| head`) is not an error.
    """
    error = _flush(sys.stdout)
    if error is None:
        return None
    with suppress(OSError, ValueError):  # in tests it has no descriptor
        discard(sys.stdout)
    return None if isinstance(error, BrokenPipeError) else stdout_error(error)


def is_stdout(error: OSError) -> bool:
    """Return whether `error` is a failure to write to stdout, not to a file."""
    return _flush(sys.stdout) is not None or isinstance(error, BrokenPipeError)


def _flush(stream: TextIO) -> OSError | None:
    try:
        stream.flush()
    except OSError as error:
        return error
    except ValueError:  # closed by the caller, if it runs `main` in its own process
        return None
    return None
