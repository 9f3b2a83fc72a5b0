"""Migration of histories that earlier versions wrote; the raw answers of version 1 are erased."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from olaudit.history import DriftEpisode, History, schema
from olaudit.model import EpisodeEnd, FailureReason
from tests.history.run_builder import (
    A_REACHABLE,
    B_REACHABLE,
    DISK_ID,
    MODE_ID,
    SCOPE,
    disk_finding,
    make_finding,
    make_report,
    start_of,
)

VERSION_2 = Path(__file__).with_name("version_2.sql")
"""Dump of a history that the last olaudit of version 2 wrote for the runs of `write_current`."""
RAW = b"\x01raw answers with a password\x02" * 300
MODE = make_finding("ol-b", "path.mode", "drift", subject="/opt/olsystem", observed="0777")


@pytest.fixture
def version_2(tmp_path: Path) -> Path:
    path = tmp_path / "history.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(VERSION_2.read_text())
    return path


@pytest.fixture
def version_1(version_2: Path) -> Path:
    """Create a history as version 1 wrote it: the same tables, with raw answers in the recordings."""
    with closing(sqlite3.connect(version_2)) as database:
        database.execute("UPDATE recordings SET text = ?", (RAW,))
        database.execute("PRAGMA user_version = 1")
        database.commit()
    assert RAW[:2000] in version_2.read_bytes()
    return version_2


def write_current(path: Path) -> Path:
    """Write, in the current version, the runs that the dump of version 2 holds."""
    a_mode, a_mode_ok = (make_finding("ol-a", "path.mode", verdict) for verdict in ("drift", "ok"))
    down = {"ol-b": FailureReason.TIMEOUT}
    reports = [
        make_report(1, [A_REACHABLE, disk_finding("ok"), B_REACHABLE, MODE]),
        make_report(2, [A_REACHABLE, disk_finding("drift"), B_REACHABLE, MODE, a_mode]),
        make_report(3, [A_REACHABLE, disk_finding("unknown", "timeout"), a_mode], failed=down),
        make_report(4, [A_REACHABLE, disk_finding("drift"), a_mode_ok], failed=down),
        make_report(5, [A_REACHABLE, disk_finding("waived"), B_REACHABLE]),
    ]
    for number, report in enumerate(reports, 1):
        with History.open(path) as history:
            history.add_run(report, SCOPE, f"answers of run {number}")
            history.set_last_printed(start_of(number))
            history.commit()
    return path


def tables(path: Path) -> Mapping[str, list[tuple[object, ...]]]:
    """Read all rows of all tables."""
    with closing(sqlite3.connect(path)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(database.execute(f"SELECT * FROM {name}"), key=repr) for name in names}


def index_names(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}


def test_a_migrated_history_equals_one_written_now(version_2: Path, tmp_path: Path) -> None:
    current = write_current(tmp_path / "current.sqlite")
    with History.open(version_2):
        pass
    assert tables(version_2) == tables(current)
    assert index_names(version_2) == index_names(current)
    with closing(sqlite3.connect(version_2)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (len(schema.STEPS),)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def assert_has_version_2_runs(history: History) -> None:
    """Assert that a history holds the runs of version 2, in the words of the current version."""
    (mode,) = history.episodes(MODE.id)
    assert mode == DriftEpisode(
        finding=replace(MODE, first_seen=start_of(1)),
        last_seen=start_of(2),
        ended=start_of(5),
        ending=EpisodeEnd.REMOVED,
    )
    assert [episode.ending for episode in history.episodes(MODE_ID)] == [EpisodeEnd.FIXED]
    assert [episode.ending for episode in history.episodes(DISK_ID)] == [None]
    assert [(row.new, row.resolved) for row in history.recent_runs(9)] == [(0, 2), (0, 1), (0, 0), (2, 0), (1, 0)]
    assert history.last_printed == start_of(5)
    assert history.recording("latest") == "answers of run 5"


def test_version_2_is_read_without_being_changed(version_2: Path) -> None:
    before = version_2.read_bytes()
    with History.open(version_2, create=False) as history:
        assert_has_version_2_runs(history)
    assert version_2.read_bytes() == before


def test_version_2_is_migrated_by_the_next_run(version_2: Path) -> None:
    with History.open(version_2) as history:
        assert_has_version_2_runs(history)
        report = history.add_run(make_report(6, [A_REACHABLE, B_REACHABLE, disk_finding("drift")]), SCOPE)
        history.commit()
        assert report.changes
        assert report.changes.new == {DISK_ID}
        assert [episode.finding.first_seen for episode in history.episodes(DISK_ID)] == [start_of(2)]
        assert len(history.runs(9)) == 6


def test_raw_answers_are_erased_by_the_next_run(version_1: Path) -> None:
    with History.open(version_1) as history:
        assert history.recording("latest") is None
        history.add_run(make_report(6, [disk_finding("drift")]), SCOPE, "reduced")
        history.commit()
        assert history.recording("latest") == "reduced"
        assert [episode.ended for episode in history.episodes(DISK_ID)] == [None]
        assert len(history.runs(9)) == 6
    assert b"raw answers" not in version_1.read_bytes()
    assert sorted(file.name for file in version_1.parent.iterdir()) == [version_1.name]
    with closing(sqlite3.connect(version_1)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (len(schema.STEPS),)


def test_a_reader_gets_no_raw_answers(version_1: Path) -> None:
    before = version_1.read_bytes()
    with History.open(version_1, create=False) as history:
        assert history.recording("latest") is None
        assert len(history.episodes(DISK_ID)) == 1
    assert version_1.read_bytes() == before


def test_deleted_content_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    text = "an answer that is deleted"
    compressed = zlib.compress(text.encode(), 6)
    with History.open(path) as history:
        history.add_run(make_report(1, []), SCOPE, text)
        history.commit()
        assert compressed in path.read_bytes()
        history._connection.execute("DELETE FROM recordings")
    assert compressed not in path.read_bytes()
