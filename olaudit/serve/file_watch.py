"""Files that may change while we run: expected files, the nightly history, certificates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from stat import S_ISREG

Print = tuple[tuple[str, int, int, int, int], ...]
"""What of some files is compared: name, inode, size, and times of the last change, of content and of rights."""


def fingerprint(paths: Iterable[Path]) -> Print:
    """Take the fingerprint of files, and of what lies in folders; what is not there is not in it."""
    return tuple(sorted(_marks(paths)))


def expected_files(root: Path) -> tuple[Path, ...]:
    """List the folders that expected files lie in."""
    return root, root / "roles", root / "hosts"


def _marks(paths: Iterable[Path]) -> Iterator[tuple[str, int, int, int, int]]:
    for path in paths:
        try:
            found = sorted(path.iterdir()) if path.is_dir() else [path]
        except OSError:
            continue  # it goes while we look: another fingerprint, which is all that matters
        for one in found:
            try:
                stat = one.stat()
            except OSError:
                continue  # a link that leads nowhere (editors lock by them) must not hide what comes after it
            if S_ISREG(stat.st_mode) or one == path:
                yield str(one), stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


class Watched:
    """Says when files have changed, and are at rest again: an edit may take several steps."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._taken = self._seen = fingerprint(self._paths)

    def watch(self, paths: Iterable[Path]) -> None:
        """Look at these files from now on; where they are others, that is a change like any."""
        self._paths = tuple(paths)

    def changed(self) -> bool:
        """Look; once for each change, at the second look that finds the same."""
        now, before = fingerprint(self._paths), self._seen
        self._seen = now
        if now == self._taken or now != before:
            return False
        self._taken = now
        return True
