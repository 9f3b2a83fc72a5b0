"""Detection of changes to files: expected files, the history, certificates."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from stat import S_ISREG

Fingerprint = tuple[tuple[str, int, int, int, int], ...]
"""Per file: name, inode, size, and the times (ns) of the last change of content and of metadata."""


def fingerprint(paths: Iterable[Path]) -> Fingerprint:
    """Return the fingerprint of files, and of the files in folders; missing files are left out."""
    return tuple(sorted(_file_marks(paths)))


def expected_folders(root: Path) -> tuple[Path, ...]:
    """List the folders that contain expected files."""
    return root, root / "roles", root / "hosts"


def _file_marks(paths: Iterable[Path]) -> Iterator[tuple[str, int, int, int, int]]:
    for path in paths:
        try:
            files = sorted(path.iterdir()) if path.is_dir() else [path]
        except OSError:
            continue  # the folder was removed meanwhile: the fingerprint differs, which is enough
        for file in files:
            try:
                stat = file.stat()
            except OSError:
                continue  # a dangling link (some editors use them as locks) must not hide the files after it
            if S_ISREG(stat.st_mode) or file == path:
                yield str(file), stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


class FileWatcher:
    """Detector of changes to files. It waits until they are stable: an edit may take several steps."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._reported = self._previous = fingerprint(self._paths)

    def watch(self, paths: Iterable[Path]) -> None:
        """Watch these files from now on; a different set of files counts as a change."""
        self._paths = tuple(paths)

    def changed(self) -> bool:
        """Return true once for each change: at the second poll that sees the same new state."""
        current, previous = fingerprint(self._paths), self._previous
        self._previous = current
        if current == self._reported or current != previous:
            return False
        self._reported = current
        return True
