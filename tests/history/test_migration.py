"""A history that an earlier version wrote goes on, but for the raw answers in it, of which no byte is left."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from olaudit.history import History, schema
from tests.history.run_builder import DISK, SCOPE, disk, report

RAW = b"\x01raw answers with a password\x02" * 300


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Give a history as version 1 wrote it: the same tables, with answers as hosts gave them."""
    path = tmp_path / "history.sqlite"
    with History.open(path) as history:
        history.add_run(report(1, [disk("drift")]), SCOPE, "reduced")
        history.commit()
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE recordings SET text = ?", (RAW,))
        database.execute("PRAGMA user_version = 1")
        database.commit()
    assert RAW[:2000] in path.read_bytes()
    return path


def test_raw_answers_are_gone_after_the_next_run(old: Path) -> None:
    with History.open(old) as history:
        first = history.runs(1)[0].id
        assert history.recording(first) is None
        history.add_run(report(2, [disk("drift")]), SCOPE, "reduced")
        history.commit()
        assert history.recording(history.runs(1)[0].id) == "reduced"
        assert [life.ended for life in history.episodes(DISK)] == [None]
        assert len(history.runs(9)) == 2
    assert b"raw answers" not in old.read_bytes()
    assert sorted(file.name for file in old.parent.iterdir()) == [old.name]
    with closing(sqlite3.connect(old)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (len(schema.STEPS),)


def test_who_only_reads_sees_no_raw_answers_either(old: Path) -> None:
    before = old.read_bytes()
    with History.open(old, create=False) as history:
        assert history.recording(history.runs(1)[0].id) is None
        assert len(history.episodes(DISK)) == 1
    assert old.read_bytes() == before


def test_what_is_deleted_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    text = "an answer that is forgotten"
    packed = zlib.compress(text.encode(), 6)
    with History.open(path) as history:
        history.add_run(report(1, []), SCOPE, text)
        history.commit()
        assert packed in path.read_bytes()
        history._connection.execute("DELETE FROM recordings")
    assert packed not in path.read_bytes()
