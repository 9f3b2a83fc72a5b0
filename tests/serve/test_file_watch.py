from __future__ import annotations

from pathlib import Path

from olaudit.serve.events import read_run_history
from olaudit.serve.file_watch import FileWatcher


def detects_change(watcher: FileWatcher) -> bool:
    """Poll twice: the first poll sees another state, the second one sees that it is stable."""
    return [watcher.changed(), watcher.changed()] == [False, True]


def test_dangling_link_does_not_hide_other_changes(tmp_path: Path) -> None:
    (tmp_path / ".#lock").symlink_to("user@host:1")  # the lock of an editor
    (tmp_path / "host.yaml").write_text("a")
    watcher = FileWatcher([tmp_path])
    assert not watcher.changed()
    (tmp_path / "host.yaml").write_text("other")
    assert detects_change(watcher)
    assert not watcher.changed()


def test_changed_mode_is_detected(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("a")
    file.chmod(0o600)
    watcher = FileWatcher([file])
    file.chmod(0o644)
    assert detects_change(watcher)


def test_watched_files_can_be_replaced(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("a")
    watcher = FileWatcher([first])
    second.write_text("a")
    watcher.watch([first])
    assert not watcher.changed()
    watcher.watch([first, second])
    assert detects_change(watcher), "the added file may have changed since it was read"
    second.write_text("more")
    assert detects_change(watcher)


def test_empty_history_file_has_no_runs(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite"
    file.touch()
    assert read_run_history(file).runs == ()
