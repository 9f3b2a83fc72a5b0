"""Reads of files that a user named: regular files of bounded size only, so that no read hangs or never ends."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MAX_CONFIGURATION_BYTES = 1 << 20
"""The most bytes of a file that people write: expected files, web and SSH configuration."""

MAX_DATA_BYTES = 256 << 20
"""The most bytes of a file that programs write: recordings and reports."""

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
"""What the system says where a disk is full or fails, as opposed to a wrong path or a missing permission."""

_KINDS = (
    (stat.S_ISFIFO, "it is a named pipe (FIFO)"),
    (stat.S_ISSOCK, "it is a socket"),
    (stat.S_ISCHR, "it is a character device"),
    (stat.S_ISBLK, "it is a block device"),
)


def read_regular(file: Path, most: int = MAX_CONFIGURATION_BYTES) -> bytes:
    """Read a regular file of at most `most` bytes; symbolic links are followed.

    Raises OSError, whose `strerror` says what to do, for everything else. A FIFO or device is never opened, or,
    where it took the file's place meanwhile, opened without waiting and not read.
    """
    check_regular(os.stat(file), most)  # noqa: PTH116 - Path.stat hides symlink loops from 3.13 on
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as handle:
        check_regular(os.fstat(handle.fileno()), most)
        content = handle.read(most + 1)
    if len(content) > most:  # it grew, or is one of /proc, whose size is 0 whatever it holds
        raise _too_large(most)
    return content


def check_regular(found: os.stat_result, most: int) -> None:
    """Raise OSError unless `found` is of a regular file of at most `most` bytes."""
    if stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        kind = next((text for is_kind, text in _KINDS if is_kind(found.st_mode)), "it is a special file")
        raise OSError(errno.EINVAL, f"{kind}: a regular file is needed here, so copy its content to one")
    if found.st_size > most:
        raise _too_large(most)


def _too_large(most: int) -> OSError:
    size = f"{most >> 20} MiB"
    return OSError(errno.EFBIG, f"it is larger than {size}, the most that is read: is it the right file?")
