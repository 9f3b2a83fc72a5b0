"""Files that may change while we run: expected files, the nightly history, certificates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

Print = tuple[tuple[str, int, int, int], ...]
"""What of some files is compared: name, inode, size and time of the last change."""


def fingerprint(paths: Iterable[Path]) -> Print:
    """Take the fingerprint of files, and of what lies in folders; what is not there is not in it."""
    return tuple(sorted(_marks(paths)))


def expected_files(root: Path) -> tuple[Path, ...]:
    """List the folders that expected files lie in."""
    return root, root / "roles", root / "hosts"


def _marks(paths: Iterable[Path]) -> Iterator[tuple[str, int, int, int]]:
    for path in paths:
        try:
            for one in sorted(path.iterdir()) if path.is_dir() else [path]:
                stat = one.stat()
                if one.is_file() or not path.is_dir():
                    yield str(one), stat.st_ino, stat.st_size, stat.st_mtime_ns
        except OSError:
            continue  # it goes while we look: another fingerprint, which is all that matters


class Watched:
    """Says when files have changed, and are at rest again: an edit may take several steps."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._taken = self._seen = fingerprint(self._paths)

    def changed(self) -> bool:
        """Look; once for each change, at the second look that finds the same."""
        now, before = fingerprint(self._paths), self._seen
        self._seen = now
        if now == self._taken or now != before:
            return False
        self._taken = now
        return True
