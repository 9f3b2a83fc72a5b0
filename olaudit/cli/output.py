"""Output of results: to stdout, and to files that are written atomically."""

import errno
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import click

from olaudit.checker import AnyChecker
from olaudit.errors import OutputError, UsageError
from olaudit.render.style import Style
from olaudit.text import visible

PRIVATE = 0o600
"""The mode of files that only their owner may read, such as recordings, which contain raw answers."""

CONFIDENTIAL = 0o640
"""The mode of new files with findings, before the umask."""

_MAX_WIDTH = 120  # longer lines of prose are hard to read
_STREAMS = (("/", "dev", "fd"), ("/", "dev", "stdout"), ("/", "dev", "stderr"), ("/", "proc", "self"))
_MAX_LINKS = 40  # the limit of the kernel


def stdout_style(
    color: str, environ: Mapping[str, str], *, everything: bool, checkers: Sequence[AnyChecker] = ()
) -> Style:
    """Return the style for stdout, from `--color`, $NO_COLOR, $TERM, and whether stdout is a terminal."""
    plain = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
    use_color = color == "always" or (color == "auto" and sys.stdout.isatty() and not plain)
    width = min(shutil.get_terminal_size((80, 24)).columns, _MAX_WIDTH)
    return Style(color=use_color, width=width, all=everything, checkers=checkers)


def emit(text: str, stream: TextIO | None = None) -> None:
    """Write `text` to `stream` (default: stdout).

    A pipe that the reader has closed (`| head`) is not an error. Raises OutputError for any other failure.
    """
    stream = stream or sys.stdout
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        discard(stream)
        if not isinstance(error, BrokenPipeError):
            raise stdout_error(error) from None


def warn(text: str) -> None:
    """Write lines to stderr, with control characters from hosts and files escaped."""
    click.echo("\n".join(visible(line) for line in text.splitlines()), err=True)


def discard(stream: TextIO) -> None:
    """Discard the buffer of `stream`: Python flushes it again at exit, and would exit with status 120."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
    with suppress(OSError):
        stream.flush()


def stdout_error(error: OSError) -> OutputError:
    """Return the OutputError for a failure to write to stdout."""
    return OutputError(f"the results cannot be written to stdout: {error.strerror}")


def check_output_files(files: Iterable[Path]) -> None:
    """Check, before an audit, that its results can be written. Raises UsageError if not."""
    checked: set[Path] = set()
    for file in files:
        folder = file.parent
        if not folder.is_dir():
            raise UsageError(f"{file} cannot be written: the folder {folder} does not exist")
        if file.is_dir():
            raise UsageError(f"{file} cannot be written: it is a folder")
        if not os.access(file if is_special(file) else folder, os.W_OK):
            raise UsageError(f"{file} cannot be written: permission denied")
        try:
            resolve_links(file)
        except OSError as error:
            raise UsageError(f"{file} cannot be written: {error.strerror}") from None
        if file in checked:
            raise UsageError(f"{file} is given twice: each result needs a separate file")
        checked.add(file)


def mode_of(format_: str) -> int:
    """Return the mode of a new file in a format.

    Metrics contain no observed text, and another user collects them.
    """
    return 0o644 if format_ == "prometheus" else CONFIDENTIAL


def write_file(file: Path, text: str, mode: int = CONFIDENTIAL, *, follow: bool = True) -> None:
    """Write `text` as UTF-8, atomically: a reader gets either the old content or the new.

    `mode` is the mode of a new file, before the umask. An existing file of this user keeps its read permissions,
    unless `mode` is PRIVATE. A symbolic link of this user or root is followed; without `follow` it is replaced.
    Raises OutputError.
    """
    try:
        if follow and is_special(file):
            _write_special(file, text)
        else:
            _replace(resolve_links(file) if follow else file, text, mode)
    except OSError as error:
        raise OutputError(f"{file} cannot be written: {error.strerror}") from None


def resolve_links(file: Path) -> Path:
    """Follow symbolic links at `file`, and return the final path.

    Raises OSError for a link of another user: in a shared folder it could point to any file of this user.
    """
    for _ in range(_MAX_LINKS):
        try:
            status = file.lstat()
        except FileNotFoundError:
            return file
        if not stat.S_ISLNK(status.st_mode):
            return file
        if status.st_uid not in (os.geteuid(), 0):
            reason = f"it is a symbolic link of another user (uid {status.st_uid})"
            raise OSError(errno.EPERM, reason)
        file = file.parent / file.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _replace(file: Path, text: str, mode: int) -> None:
    """Replace `file` by a new file, by the descriptor of its folder, so that no path is resolved twice."""
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # unpredictable, so that another user cannot create it first
        temporary = f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, mode, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as handle:
                _copy_permissions(file.name, folder, handle.fileno(), mode)
                handle.write(text)
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(temporary, file.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise
    finally:
        os.close(folder)


def _copy_permissions(name: str, folder: int, descriptor: int, mode: int) -> None:
    """Copy the group and the read permissions of the replaced file, if it belongs to this user."""
    if mode == PRIVATE:
        return
    try:
        old = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return
    if stat.S_ISREG(old.st_mode) and old.st_uid == os.geteuid():
        if old.st_gid != os.fstat(descriptor).st_gid:
            with suppress(OSError):  # this user may no longer be a member of the group
                os.fchown(descriptor, -1, old.st_gid)
        os.fchmod(descriptor, 0o600 | (old.st_mode & 0o644))


def is_special(file: Path) -> bool:
    """Return whether `file` must not be replaced, such as /dev/stdout, a device or a pipe."""
    absolute = file.absolute()
    try:
        # /dev/stdout may be a regular file: replacing it would detach it from stdout
        return (file.exists() and not file.is_file()) or absolute.parts[:3] in _STREAMS
    except OSError:
        return False


def _write_special(file: Path, text: str) -> None:
    """Write to a special file. A pipe that no process reads is an error, because the write would block."""
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
