"""Retention: which runs are deleted, and what is kept at any age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from olaudit.history import RECENT_RUNS, History
from olaudit.model import Finding, Verdict
from tests.history.run_builder import DISK_ID, MODE_ID, SCOPE, disk_finding, make_finding, make_report


def start_of_day(day: int) -> str:
    return f"{datetime(2026, 1, 1, 3, tzinfo=UTC) + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"


def add_run(history: History, day: int, *findings: Finding, recording: str | None = None) -> None:
    history.add_run(make_report(day, findings, started=start_of_day(day)), SCOPE, recording, keep_days=40)
    history.commit()


def count_rows(history: History, table: str) -> int:
    return int(history._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History.open(tmp_path / "history.sqlite")


def test_runs_that_are_too_old_are_deleted(history: History) -> None:
    with history:
        for day in range(100):
            add_run(history, day, disk_finding("ok"))
        runs = history.runs(1000)
        assert (len(runs), runs[-1].started_at) == (41, start_of_day(59))
        assert [(span.first, span.runs) for span in history.spans(DISK_ID)] == [(start_of_day(59), 41)]


def test_the_last_runs_are_kept_whatever_the_clock_says(history: History) -> None:
    with history:
        for day in range(35):
            add_run(history, day, disk_finding("drift"))
        add_run(history, 30_000, disk_finding("drift"))
        days = [30_000, *range(34, 34 - 29, -1)]
        assert [run.started_at for run in history.runs(99)] == [start_of_day(day) for day in days]
        assert [episode.finding.first_seen for episode in history.episodes(DISK_ID)] == [start_of_day(0)]


def test_an_open_episode_keeps_its_first_seen(history: History) -> None:
    with history:
        add_run(history, 0, disk_finding("drift", "old"), make_finding("ol-b", "path.mode", "drift"))
        for day in range(1, 100):
            add_run(history, day, disk_finding("unknown"), make_finding("ol-b", "path.mode", "ok"))
        (episode,) = history.episodes(DISK_ID)
        assert episode.finding.first_seen == episode.last_seen == start_of_day(0)
        assert episode.finding.observed == "old"
        assert history.host_episodes("ol-b") == ()  # ended before the oldest run
        (latest,) = history.findings("latest")
        assert (latest.verdict, latest.first_seen) == (Verdict.UNKNOWN, start_of_day(0))
        add_run(history, 100, disk_finding("ok"), make_finding("ol-b", "path.mode", "ok"))
        assert [episode.ended for episode in history.episodes(DISK_ID)] == [start_of_day(100)]


def test_details_that_are_valid_in_the_oldest_run_are_kept(history: History) -> None:
    with history:
        add_run(history, 0, disk_finding("drift", "a"))
        add_run(history, 1, disk_finding("drift", "b"))
        for day in range(2, 100):
            add_run(history, day, disk_finding("drift", "c"))
        assert history.findings(history.runs(99)[-1].id)[0].observed == "c"
        assert count_rows(history, "details") == 1


def test_a_subject_no_longer_evaluated_leaves_no_rows(history: History) -> None:
    with history:
        add_run(history, 0, disk_finding("drift"), make_finding("ol-a", "path.mode", "ok"))
        for day in range(1, 100):
            add_run(history, day)
        assert history.find_subjects(DISK_ID) == history.find_subjects(MODE_ID) == ()
        for table in ("subjects", "spans", "details", "episodes", "unknowns"):
            assert count_rows(history, table) == 0


def test_only_recent_runs_keep_their_recordings(history: History) -> None:
    with history:
        for day in range(35):
            add_run(history, day, recording=f"of {day}")
        assert count_rows(history, "recordings") == RECENT_RUNS
        assert history.recording(history.runs(30)[-1].id) == "of 5"
        assert history.recording(history.runs(31)[-1].id) is None


def test_a_history_is_consistent_after_deletions(history: History) -> None:
    with history:
        for day in range(80):
            verdict = ("ok", "drift", "unknown", "waived")[day * 7 % 4]
            add_run(history, day, *([] if day % 5 == 0 else [disk_finding(verdict, str(day))]))
        assert history._connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert history._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        for run in history.runs(99):
            history.findings(run.id)
        assert history.spans(DISK_ID)[0].first >= history.runs(99)[-1].started_at
