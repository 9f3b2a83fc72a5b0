"""Reads of files that a user named: only regular files of bounded size, so that every read ends."""

import errno
import os
import stat
from pathlib import Path

MAX_CONFIGURATION_BYTES = 1 << 20
"""Maximum size of a file that people write: expected files, web and SSH configuration."""

MAX_DATA_BYTES = 256 << 20
"""Maximum size of a file that programs write: recordings and reports."""

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
"""Error numbers of a full or failing disk, as opposed to a wrong path or a missing permission."""

_SPECIAL_FILES = (
    (stat.S_ISFIFO, "it is a named pipe (FIFO)"),
    (stat.S_ISSOCK, "it is a socket"),
    (stat.S_ISCHR, "it is a character device"),
    (stat.S_ISBLK, "it is a block device"),
)


def read_regular(file: Path, max_bytes: int = MAX_CONFIGURATION_BYTES) -> bytes:
    """Read a regular file of at most `max_bytes` bytes; symbolic links are followed.

    Raises OSError for every other file; its `strerror` states what to do. A FIFO or device is not opened. If one
    replaces the file between the check and the open, it is opened without blocking and not read.
    """
    check_regular(os.stat(file), max_bytes)  # noqa: PTH116 - Path.stat hides symlink loops from 3.13 on
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as handle:
        check_regular(os.fstat(handle.fileno()), max_bytes)
        content = handle.read(max_bytes + 1)
    if len(content) > max_bytes:  # it grew, or is a file of /proc, whose size is always 0
        raise _too_large(max_bytes)
    return content


def check_regular(status: os.stat_result, max_bytes: int) -> None:
    """Raise OSError unless `status` is that of a regular file of at most `max_bytes` bytes."""
    if stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        kind = next((text for is_kind, text in _SPECIAL_FILES if is_kind(status.st_mode)), "it is a special file")
        raise OSError(errno.EINVAL, f"{kind}: a regular file is needed here, so copy its content to one")
    if status.st_size > max_bytes:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> OSError:
    size = f"{max_bytes >> 20} MiB"
    return OSError(errno.EFBIG, f"it is larger than the limit of {size}: is it the right file?")
