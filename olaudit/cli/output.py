"""Where results go: stdout, and files that are there in full or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from olaudit.errors import OlauditError, OutputError, UsageError
from olaudit.render.style import Style

PRIVATE = 0o600
"""The mode of files that only their owner may read: recordings hold what hosts answered, word by word."""

CONFIDENTIAL = 0o640
"""The mode of new files with findings, before the umask."""

_WIDEST = 120  # longer lines of prose are hard to read
_STREAMS = (("/", "dev", "fd"), ("/", "dev", "stdout"), ("/", "dev", "stderr"), ("/", "proc", "self"))
_LINKS = 40  # as many as the kernel follows


def stdout_style(color: str, environ: Mapping[str, str], *, everything: bool) -> Style:
    """Choose the style for stdout, from `--color`, $NO_COLOR, $TERM, and whether stdout is a terminal."""
    plain = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
    wanted = color == "always" or (color == "auto" and sys.stdout.isatty() and not plain)
    width = min(shutil.get_terminal_size((80, 24)).columns, _WIDEST)
    return Style(color=wanted, width=width, all=everything)


def emit(text: str, stream: TextIO | None = None) -> None:
    """Write `text` to `stream` (stdout where none is given).

    A reader who has seen enough (`| head`) is no error. Raises OutputError if it cannot be written otherwise.
    """
    stream = stream or sys.stdout
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        discard(stream)
        if not isinstance(error, BrokenPipeError):
            raise stdout_error(error) from None


def discard(stream: TextIO) -> None:
    """Drop what `stream` still buffers: Python flushes once more at exit, and would end with status 120."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
    with suppress(OSError):
        stream.flush()


def stdout_error(error: OSError) -> OutputError:
    """Describe a failure to write to stdout."""
    return OutputError(f"the results cannot be written to stdout: {error.strerror}")


class Delivery:
    """The writes of one run's results: one that fails does not prevent the others."""

    def __init__(self) -> None:
        self._failures: list[OlauditError] = []

    @property
    def failed(self) -> bool:
        """Whether a write has failed so far."""
        return bool(self._failures)

    @contextmanager
    def step(self, *also: type[OlauditError]) -> Iterator[None]:
        """Run one write; keep its OutputError, or an error of the types `also`, for `finish`."""
        try:
            yield
        except OlauditError as error:
            if not isinstance(error, (OutputError, *also)):
                raise
            self._failures.append(error)

    def finish(self) -> None:
        """Raise OutputError with every failure, if there was one."""
        if self._failures:
            messages = dict.fromkeys(failure.message for failure in self._failures)
            raise OutputError("; ".join(messages), self._failures[0].hint)


def check_places(files: Iterable[Path]) -> None:
    """Make sure, before an audit, that its results can be written. Raises UsageError if not."""
    seen: set[Path] = set()
    for file in files:
        folder = file.parent
        if not folder.is_dir():
            raise UsageError(f"{file} cannot be written: there is no folder {folder}")
        if file.is_dir():
            raise UsageError(f"{file} cannot be written: it is a folder")
        if not os.access(file if is_special(file) else folder, os.W_OK):
            raise UsageError(f"{file} cannot be written: permission denied")
        try:
            followed(file)
        except OSError as error:
            raise UsageError(f"{file} cannot be written: {error.strerror}") from None
        if file in seen:
            raise UsageError(f"{file} is named twice: each result needs a file of its own")
        seen.add(file)


def mode_of(format_: str) -> int:
    """Give the mode of a new file in a format: metrics hold no observed text, and another user collects them."""
    return 0o644 if format_ == "prometheus" else CONFIDENTIAL


def write_file(file: Path, text: str, mode: int = CONFIDENTIAL, *, follow: bool = True) -> None:
    """Write `text` as UTF-8, so that readers see the old content or the new, never a part.

    `mode` is that of a new file, before the umask. Of a file that is there and ours, the rights to read stay as
    its owner set them, unless `mode` is PRIVATE. A symbolic link stays one, if this user or root made it; without
    `follow` it is replaced. Raises OutputError.
    """
    try:
        if follow and is_special(file):
            _write_special(file, text)
        else:
            _replace(followed(file) if follow else file, text, mode)
    except OSError as error:
        raise OutputError(f"{file} cannot be written: {error.strerror}") from None


def followed(file: Path) -> Path:
    """Follow symbolic links at `file` to the file that is meant.

    Raises OSError for a link that another user made: in a shared folder it could lead to any file of ours.
    """
    for _ in range(_LINKS):
        try:
            found = file.lstat()
        except FileNotFoundError:
            return file
        if not stat.S_ISLNK(found.st_mode):
            return file
        if found.st_uid not in (os.geteuid(), 0):
            reason = f"it is a symbolic link of another user (uid {found.st_uid}), which is not followed"
            raise OSError(errno.EPERM, reason)
        file = file.parent / file.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _replace(file: Path, text: str, mode: int) -> None:
    """Put a new file in the place of `file`, by way of its folder's descriptor: no path is looked up twice."""
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        beside = f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp"  # unforeseeable: it cannot be taken
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(beside, flags, mode, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as handle:
                _keep_rights(file.name, folder, handle.fileno(), mode)
                handle.write(text)
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(beside, file.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(beside, dir_fd=folder)
            raise
    finally:
        os.close(folder)


def _keep_rights(name: str, folder: int, descriptor: int, mode: int) -> None:
    """Give the new file the group and the rights to read of the one that it replaces, where that one is ours."""
    if mode == PRIVATE:
        return
    try:
        old = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return
    if stat.S_ISREG(old.st_mode) and old.st_uid == os.geteuid():
        if old.st_gid != os.fstat(descriptor).st_gid:
            with suppress(OSError):  # a group that this user is not in any more
                os.fchown(descriptor, -1, old.st_gid)
        os.fchmod(descriptor, 0o600 | (old.st_mode & 0o644))


def is_special(file: Path) -> bool:
    """Tell whether `file` must not be replaced by a file, such as /dev/stdout, a device or a pipe."""
    absolute = file.absolute()
    try:
        # what stdout leads to may be a regular file: it is written to, and stays the one that stdout writes to
        return (file.exists() and not file.is_file()) or absolute.parts[:3] in _STREAMS
    except OSError:
        return False


def _write_special(file: Path, text: str) -> None:
    """Write to what is not a regular file; a pipe that no process reads is an error, not a wait without end."""
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        descriptor = os.open(file, flags | os.O_APPEND)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "it is a pipe or socket that no process reads") from None
        raise
    os.set_blocking(descriptor, True)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as handle:
        handle.write(text)
