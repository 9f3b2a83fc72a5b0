from __future__ import annotations

from pathlib import Path

from olaudit.serve.file_watch import Watched
from olaudit.serve.run_history import read_run_history


def seen(watched: Watched) -> bool:
    """Look twice: once to see another state, once more to see that it is at rest."""
    return [watched.changed(), watched.changed()] == [False, True]


def test_a_link_that_leads_nowhere_hides_no_change_of_what_comes_after_it(tmp_path: Path) -> None:
    (tmp_path / ".#lock").symlink_to("somebody@somewhere:1")  # as editors lock by
    (tmp_path / "host.yaml").write_text("a")
    watched = Watched([tmp_path])
    assert not watched.changed()
    (tmp_path / "host.yaml").write_text("other")
    assert seen(watched)
    assert not watched.changed()


def test_rights_that_change_are_seen(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("a")
    file.chmod(0o600)
    watched = Watched([file])
    file.chmod(0o644)
    assert seen(watched)


def test_other_files_may_be_watched_from_now_on(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("a")
    watched = Watched([one])
    other.write_text("a")
    watched.watch([one])
    assert not watched.changed()
    watched.watch([one, other])
    assert seen(watched), "it may have changed since it was read"
    other.write_text("more")
    assert seen(watched)


def test_a_history_that_nothing_was_written_to_yet_knows_nothing(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite"
    file.touch()
    assert read_run_history(file).runs == ()
