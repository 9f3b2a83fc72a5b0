"""The folder of nightly reports: locked by one run at a time, with complete files and links to the latest."""

import fcntl
import os
import re
import secrets
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from olaudit.cli.output import write_file
from olaudit.errors import OlauditError, OutputError, UsageError
from olaudit.files import DISK_ERRORS
from olaudit.history import RECENT_RUNS

_STAMP = "%Y-%m-%dT%H%M%SZ"
_REPORT = re.compile(r"(\d{4}-\d\d-\d\dT\d{6}Z)\.(json|html|md)")
_TEMPORARY = re.compile(r"\..+\.\d+(?:\.[0-9a-f]{8})?\.tmp")
_HOLDER_CHARACTERS = 200  # of the lock file, which describe its holder


class Archive:
    """A folder of reports. It is created if it is missing; its parent must exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o750, exist_ok=True)
        except OSError as error:
            raise UsageError(f"the reports folder {folder} cannot be created: {error.strerror}") from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError(f"the reports folder {folder} is not writable: permission denied")

    @contextmanager
    def lock(self, now: datetime) -> Iterator[None]:
        """Lock the folder for one run. Raises OlauditError, which names the holder, if another run has locked it.

        The kernel releases the lock when the process ends, even if it is killed. Temporary files of a killed run
        are removed.
        """
        lock_file = self._folder / ".lock"
        with os.fdopen(_open_lock(lock_file), "r+", encoding="utf-8", errors="replace") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if not isinstance(error, BlockingIOError):
                    raise UsageError(f"{lock_file} cannot be locked: {error.strerror}") from None
                holder = handle.read(_HOLDER_CHARACTERS).strip() or "an unidentified process"
                hint = "wait until it ends; the time for each host is limited"
                raise OlauditError(f"another run is writing to {self._folder}: {holder}", hint) from None
            holder = f"process {os.getpid()} on {socket.gethostname()}, since {now:%Y-%m-%d %H:%M:%S} UTC\n"
            # the lock works without its text: a full disk must not fail the run
            with suppress(OSError):
                os.ftruncate(handle.fileno(), 0)
                os.write(handle.fileno(), holder.encode())
            self._remove_temporary_files()
            yield

    def report_path(self, started: datetime, suffix: str) -> Path:
        """Return the path of a run's report."""
        return self._folder / f"{started:{_STAMP}}.{suffix}"

    def write(self, started: datetime, texts: Mapping[str, str]) -> None:
        """Write a run's report by suffix; then update the links `latest.SUFFIX`."""
        for suffix, text in texts.items():
            write_file(self.report_path(started, suffix), text, follow=False)
        for suffix in texts:
            self._link(self._folder / f"latest.{suffix}", self.report_path(started, suffix).name)

    def remove_old(self, now: datetime, keep_days: int) -> None:
        """Remove reports of runs that started more than `keep_days` ago, except the most recent ones.

        These are kept at any age, so that a wrong clock does not remove all reports.
        """
        oldest = f"{now - timedelta(days=keep_days):{_STAMP}}"
        try:
            files = {file: match[1] for file in self._folder.iterdir() if (match := _REPORT.fullmatch(file.name))}
        except OSError:
            return
        recent = set(sorted(set(files.values()))[-RECENT_RUNS:])
        for file, stamp in files.items():
            if stamp < oldest and stamp not in recent:
                with suppress(OSError):  # the run is already stored: a failed removal must not fail it
                    file.unlink()

    def _link(self, link: Path, target: str) -> None:
        temporary = link.with_name(f".{link.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
        try:
            temporary.symlink_to(target)
            temporary.replace(link)  # replaces a link without following it
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise OutputError(f"{link} cannot be linked to {target}: {error.strerror}") from None

    def _remove_temporary_files(self) -> None:
        try:
            files = list(self._folder.iterdir())
        except OSError as error:
            raise UsageError(f"the reports folder {self._folder} cannot be read: {error.strerror}") from None
        for file in files:
            if _TEMPORARY.fullmatch(file.name):
                with suppress(OSError):  # it may belong to another user
                    file.unlink()


def _open_lock(lock: Path) -> int:
    """Open the lock file, and create it if it is missing. Raises UsageError if it is not a regular file.

    In a shared folder another user may have created it: a symbolic or hard link would truncate another file, and
    a FIFO or device could block.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        if not _is_lock(lock):
            raise UsageError(
                f"{lock} is not a regular file with a single link", "find out who created it, and remove it"
            )
        descriptor = os.open(lock, flags, 0o640)
    except OSError as error:
        kind = OutputError if error.errno in DISK_ERRORS else UsageError
        raise kind(f"{lock} cannot be opened: {error.strerror}") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(descriptor)
        raise UsageError(f"{lock} was replaced while it was opened", "find out who replaced it")
    return descriptor


def _is_lock(lock: Path) -> bool:
    """Return whether `lock` does not exist yet, or is a regular file with a single link."""
    try:
        status = lock.lstat()
    except FileNotFoundError:
        return True
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1
