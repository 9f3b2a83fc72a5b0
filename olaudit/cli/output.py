"""Where results go: stdout, and files that are there in full or not at all."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TextIO

from olaudit.errors import UsageError
from olaudit.render.style import Style

_WIDEST = 120  # longer lines of prose are hard to read


def stdout_style(color: str, environ: Mapping[str, str], *, everything: bool) -> Style:
    """Choose the style for stdout, from `--color`, $NO_COLOR, $TERM, and whether stdout is a terminal."""
    plain = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
    wanted = color == "always" or (color == "auto" and sys.stdout.isatty() and not plain)
    width = min(shutil.get_terminal_size((80, 24)).columns, _WIDEST)
    return Style(color=wanted, width=width, all=everything)


def emit(text: str, stream: TextIO | None = None) -> None:
    """Write `text` to `stream` (stdout where none is given).

    A reader who has seen enough (`| head`) is no error. Raises UsageError if it cannot be written otherwise.
    """
    stream = stream or sys.stdout
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        # Python flushes once more at exit: what is left goes nowhere instead of becoming a second error
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):
            raise UsageError(f"the results cannot be written to stdout: {error.strerror}") from None


def check_places(files: Iterable[Path]) -> None:
    """Make sure, before an audit, that its results can be written. Raises UsageError if not."""
    seen: set[Path] = set()
    for file in files:
        folder = file.parent
        if not folder.is_dir():
            raise UsageError(f"{file} cannot be written: there is no folder {folder}")
        if file.is_dir():
            raise UsageError(f"{file} cannot be written: it is a folder")
        if not os.access(file if _is_device(file) else folder, os.W_OK):
            raise UsageError(f"{file} cannot be written: permission denied")
        if file in seen:
            raise UsageError(f"{file} is named twice: each result needs a file of its own")
        seen.add(file)


def write_file(file: Path, text: str, mode: int = 0o666) -> None:
    """Write `text` as UTF-8, so that readers see the old content or the new, never a part. Raises UsageError.

    `mode` is that of a new file, before the umask.
    """
    try:
        if _is_device(file):
            file.write_text(text, encoding="utf-8")
        else:
            _replace(file.resolve(), text, mode)  # a symbolic link stays one
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None


def _replace(file: Path, text: str, mode: int) -> None:
    beside = file.with_name(f".{file.name}.{os.getpid()}.tmp")  # the same folder: only there is renaming atomic
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        beside.replace(file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _is_device(file: Path) -> bool:
    """Say whether `file` is something that must not be replaced by a file, such as /dev/stdout or a pipe."""
    return file.exists() and not file.is_file()
