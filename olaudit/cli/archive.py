"""The folder of nightly reports: one run in it at a time, files that are whole, links to the latest."""

from __future__ import annotations

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
_LEFT_OVER = re.compile(r"\..+\.\d+(?:\.[0-9a-f]{8})?\.tmp")
_HOLDER = 200  # characters of the lock file that name its holder


class Archive:
    """The folder `folder`, which is made where it is missing (its parent has to be there)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o750, exist_ok=True)
        except OSError as error:
            raise UsageError(f"the reports' folder {folder} cannot be made: {error.strerror}") from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError(f"no report can be written to {folder}: permission denied")

    @contextmanager
    def held(self, now: datetime) -> Iterator[None]:
        """Hold the folder for one run. Raises OlauditError that names the holder if another run does.

        The kernel lets go of the lock when its holder ends, however it ends; what a killed run was writing when
        it ended is cleared away.
        """
        lock = self._folder / ".lock"
        with os.fdopen(_open_lock(lock), "r+", encoding="utf-8", errors="replace") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if not isinstance(error, BlockingIOError):
                    raise UsageError(f"{lock} cannot be locked: {error.strerror}") from None
                holder = handle.read(_HOLDER).strip() or "a process that has not said who it is"
                hint = "wait until it has ended; every run has a deadline for each host"
                raise OlauditError(f"another run is writing to {self._folder}: {holder}", hint) from None
            who = f"process {os.getpid()} on {socket.gethostname()}, since {now:%Y-%m-%d %H:%M:%S} UTC\n"
            # the lock holds without its text: a full disk must not cost the run
            with suppress(OSError):
                os.ftruncate(handle.fileno(), 0)
                os.write(handle.fileno(), who.encode())
            self._clear()
            yield

    def place(self, started: datetime, suffix: str) -> Path:
        """Say where the report of a run goes."""
        return self._folder / f"{started:{_STAMP}}.{suffix}"

    def write(self, started: datetime, texts: Mapping[str, str]) -> None:
        """Write a run's report, by suffix; the links `latest.SUFFIX` follow when all are there."""
        for suffix, text in texts.items():
            write_file(self.place(started, suffix), text, follow=False)
        for suffix in texts:
            self._link(self._folder / f"latest.{suffix}", self.place(started, suffix).name)

    def forget(self, now: datetime, keep_days: int) -> None:
        """Remove reports of runs that started more than `keep_days` ago, but for the last ones, however old.

        A clock that was once wrong must not cost the reports.
        """
        oldest = f"{now - timedelta(days=keep_days):{_STAMP}}"
        try:
            files = {file: match[1] for file in self._folder.iterdir() if (match := _REPORT.fullmatch(file.name))}
        except OSError:
            return
        recent = set(sorted(set(files.values()))[-RECENT_RUNS:])
        for file, stamp in files.items():
            if stamp < oldest and stamp not in recent:
                with suppress(OSError):  # what cannot be removed must not cost the run, which is entered
                    file.unlink()

    def _link(self, link: Path, target: str) -> None:
        beside = link.with_name(f".{link.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
        try:
            beside.symlink_to(target)
            beside.replace(link)  # whatever has the name is replaced, and not followed
        except OSError as error:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise OutputError(f"{link} cannot be linked to {target}: {error.strerror}") from None

    def _clear(self) -> None:
        try:
            files = list(self._folder.iterdir())
        except OSError as error:
            raise UsageError(f"the reports' folder {self._folder} cannot be read: {error.strerror}") from None
        for file in files:
            if _LEFT_OVER.fullmatch(file.name):
                with suppress(OSError):  # another user's, perhaps
                    file.unlink()


def _open_lock(lock: Path) -> int:
    """Open the lock file, made where it is missing. Raises UsageError for whatever else has its name.

    In a shared folder it may be another user's: a link, symbolic or hard, would have another file truncated, and a
    FIFO or device could make us wait.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        if not _is_lock(lock):
            raise UsageError(
                f"{lock} is not a regular file of this folder alone", "remove it, and find out who made it"
            )
        descriptor = os.open(lock, flags, 0o640)
    except OSError as error:
        kind = OutputError if error.errno in DISK_ERRORS else UsageError
        raise kind(f"{lock} cannot be opened: {error.strerror}") from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(descriptor)
        raise UsageError(f"{lock} was replaced while it was opened", "find out who made it")
    return descriptor


def _is_lock(lock: Path) -> bool:
    """Tell whether there is no file of this name yet, or a regular one without another name."""
    try:
        found = lock.lstat()
    except FileNotFoundError:
        return True
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1
