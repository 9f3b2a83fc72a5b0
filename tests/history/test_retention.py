"""What is forgotten with the years, and what never is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from olaudit.history import History
from olaudit.history.retention import RECENT
from olaudit.model import Finding, Verdict
from tests.history.run_builder import DISK, MODE, SCOPE, disk, found, report


def at(day: int) -> str:
    return f"{datetime(2026, 1, 1, 3, tzinfo=UTC) + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"


def night(history: History, day: int, *findings: Finding, recording: str | None = None) -> None:
    history.add_run(report(day, findings, started=at(day)), SCOPE, recording, keep_days=40)
    history.commit()


def numbers(history: History, table: str) -> int:
    return int(history._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History.open(tmp_path / "history.sqlite")


def test_runs_go_when_they_are_too_old(history: History) -> None:
    with history:
        for day in range(100):
            night(history, day, disk("ok"))
        runs = history.runs(1000)
        assert (len(runs), runs[-1].started_at) == (41, at(59))
        assert [(one.first, one.runs) for one in history.spans(DISK)] == [(at(59), 41)]


def test_the_last_runs_stay_even_when_the_clock_says_they_are_old(history: History) -> None:
    with history:
        for day in range(35):
            night(history, day, disk("drift"))
        night(history, 30_000, disk("drift"))
        assert [one.started_at for one in history.runs(99)] == [at(30_000), *map(at, range(34, 34 - 29, -1))]
        assert [life.finding.first_seen for life in history.episodes(DISK)] == [at(0)]


def test_an_open_drift_keeps_the_night_it_was_first_seen_however_long_ago(history: History) -> None:
    with history:
        night(history, 0, disk("drift", "old"), found("ol-b", "path.mode", "drift"))
        for day in range(1, 100):
            night(history, day, disk("unknown"), found("ol-b", "path.mode", "ok"))
        (life,) = history.episodes(DISK)
        assert (life.finding.first_seen, life.last_seen, life.finding.observed) == (at(0), at(0), "old")
        assert history.host_episodes("ol-b") == ()  # ended, long ago
        (now,) = history.findings("latest")
        assert (now.verdict, now.first_seen) == (Verdict.UNKNOWN, at(0))
        night(history, 100, disk("ok"), found("ol-b", "path.mode", "ok"))
        assert [one.ended for one in history.episodes(DISK)] == [at(100)]


def test_what_was_said_before_the_oldest_run_and_still_held_in_it_is_kept(history: History) -> None:
    with history:
        night(history, 0, disk("drift", "a"))
        night(history, 1, disk("drift", "b"))
        for day in range(2, 100):
            night(history, day, disk("drift", "c"))
        assert history.findings(history.runs(99)[-1].id)[0].observed == "c"
        assert numbers(history, "details") == 1


def test_what_is_no_more_judged_leaves_nothing_behind(history: History) -> None:
    with history:
        night(history, 0, disk("drift"), found("ol-a", "path.mode", "ok"))
        for day in range(1, 100):
            night(history, day)
        assert history.find_subjects(DISK) == history.find_subjects(MODE) == ()
        for table in ("subjects", "spells", "details", "lives", "unknowns"):
            assert numbers(history, table) == 0


def test_recordings_go_back_as_far_as_reports_look(history: History) -> None:
    with history:
        for day in range(35):
            night(history, day, recording=f"of {day}")
        assert numbers(history, "recordings") == RECENT
        assert history.recording(history.runs(30)[-1].id) == "of 5"
        assert history.recording(history.runs(31)[-1].id) is None


def test_a_history_is_whole_after_it_forgot(history: History) -> None:
    with history:
        for day in range(80):
            verdict = ("ok", "drift", "unknown", "waived")[day * 7 % 4]
            night(history, day, *([] if day % 5 == 0 else [disk(verdict, str(day))]))
        assert history._connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert history._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        for run in history.runs(99):
            history.findings(run.id)
        assert history.spans(DISK)[0].first >= history.runs(99)[-1].started_at
