"""Runs that are kept, and what can be asked of them."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.errors import HistoryError, UsageError
from olaudit.history import DriftEpisode, FindingState, History, RunScope, advance
from olaudit.history.run_writer import load_states
from olaudit.model import EpisodeEnd, FailureReason, Finding, Report, Verdict
from tests.history.run_builder import DISK, SCOPE, WAIVER, disk, found, report, start


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history #1?.sqlite"


def enter(file: Path, given_: Report, recording: str | None = None, scope: RunScope = SCOPE) -> Report:
    with History.open(file) as history:
        after = history.add_run(given_, scope, recording)
        history.commit()
    return after


def test_a_history_is_nobody_elses_to_read(file: Path) -> None:
    enter(file, report(1))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_ages_and_changes_are_those_of_the_runs_before(file: Path) -> None:
    assert enter(file, report(1, [disk("drift")])).changes
    after = enter(file, report(2, [disk("drift"), found("ol-b", "path.mode", "drift")]))
    assert [one.first_seen for one in after.findings] == [start(1), start(2)]
    assert after.changes
    assert after.changes.since == start(1)
    assert after.changes.new == {after.findings[1].id}
    assert [one.started_at for one in after.changes.timeline] == [start(1), start(2)]
    assert after.changes.timeline[-1].drift == 2


def test_the_timeline_ends_thirty_runs_back(file: Path) -> None:
    with History.open(file) as history:
        for night in range(1, 33):
            after = history.add_run(report(night, started=f"2026-01-01T{night // 60:02}:{night:02}:00Z"), SCOPE)
            history.commit()
    assert after.changes
    assert len(after.changes.timeline) == 30
    assert after.changes.timeline[-1].id == after.run.id


def test_what_is_not_committed_is_not_kept(file: Path) -> None:
    with History.open(file) as history:
        history.add_run(report(1, [disk("drift")]), SCOPE, "text")
        history.set_last_printed(start(1))
    with History.open(file) as history:
        assert history.runs(30) == ()
        assert history.last_printed is None
        assert history.episodes(DISK) == ()


def test_a_run_keeps_what_was_not_ok_in_it_as_it_was(file: Path) -> None:
    nights = [
        report(1, [disk("drift"), found("ol-b", "path.mode", "ok")]),
        report(2, [disk("drift", "fuller"), found("ol-b", "path.mode", "waived")]),
        report(3, [disk("ok"), found("ol-b", "path.mode", "unknown")]),
    ]
    entered = [enter(file, one) for one in nights]
    with History.open(file, create=False) as history:
        for one in entered:
            kept = history.findings(one.run.id)
            assert kept == tuple(finding for finding in one.findings if finding.verdict is not Verdict.OK)
        assert history.findings(entered[1].run.id)[1].waiver == WAIVER


def test_lives_are_kept_with_how_they_ended(file: Path) -> None:
    first = enter(file, report(1, [disk("drift")]))
    enter(file, report(2, [disk("ok")]))
    third = enter(file, report(3, [disk("drift")]))
    fourth = enter(file, report(4, [disk("waived")]))
    with History.open(file, create=False) as history:
        mended = DriftEpisode(
            finding=first.findings[0], last_seen=start(1), ended=start(2), ending=EpisodeEnd.FIXED
        )
        assert history.episodes(DISK) == (mended, DriftEpisode(finding=fourth.findings[0], last_seen=start(4)))
        assert history.host_episodes("ol-a") == history.episodes(DISK)
        assert history.host_episodes("ol-b") == ()
    assert third.findings[0].first_seen == fourth.findings[0].first_seen == start(3)


def test_a_spell_lasts_while_the_verdict_does_and_every_run_gives_it(file: Path) -> None:
    enter(file, report(1, [disk("drift")]))
    enter(file, report(2, [disk("drift", "fuller")]))
    enter(file, report(3, audited=["ol-b"]))
    enter(file, report(4, [disk("drift")]))
    enter(file, report(5, [disk("ok")]))
    with History.open(file, create=False) as history:
        spells = history.spans(DISK)
    assert [(one.verdict, one.first, one.last, one.runs) for one in spells] == [
        (Verdict.DRIFT, start(1), start(2), 2),
        (Verdict.DRIFT, start(4), start(4), 1),
        (Verdict.OK, start(5), start(5), 1),
    ]
    assert [one.finding and one.finding.observed for one in spells] == ["fuller", "full", None]


def test_runs_in_a_row_that_could_not_audit_a_host_are_one_trouble(file: Path) -> None:
    reasons = [FailureReason.DNS, FailureReason.DNS, FailureReason.TIMEOUT, None, FailureReason.TIMEOUT]
    for night, reason in enumerate(reasons, 1):
        enter(file, report(night, audited=["ol-b"], failed={"ol-a": reason} if reason else {}))
    with History.open(file, create=False) as history:
        told = [(one.first, one.last, one.runs, one.failure.reason) for one in history.unreachable_spans("ol-a")]
    assert told == [
        (start(1), start(2), 2, FailureReason.DNS),
        (start(3), start(3), 1, FailureReason.TIMEOUT),
        (start(5), start(5), 1, FailureReason.TIMEOUT),
    ]


def test_a_recording_comes_back_to_the_letter(file: Path) -> None:
    text = "Füße \udcff \x00 " * 1000
    enter(file, report(1), text)
    enter(file, report(2))
    with History.open(file, create=False) as history:
        assert history.recording("previous") == text
        assert history.recording("latest") is None


def test_what_was_said_last_is_kept_with_the_run(file: Path) -> None:
    with History.open(file) as history:
        history.add_run(report(1), SCOPE)
        history.set_last_printed(start(1))
        history.commit()
        history.add_run(report(2), SCOPE)
        history.commit()
        assert history.last_printed == start(1)


def test_a_run_is_kept_once_and_the_next_can_follow(file: Path) -> None:
    with History.open(file) as history:
        history.add_run(report(1), SCOPE)
        history.commit()
        with pytest.raises(HistoryError, match=r"UNIQUE constraint failed: runs\.id"):
            history.add_run(report(1), SCOPE)
        history.add_run(report(2), SCOPE)
        history.commit()
        assert len(history.runs(9)) == 2


def test_a_clock_that_stands_still_or_goes_back_confuses_nothing(file: Path) -> None:
    runs = [report(5, [disk("drift")]), report(6, [disk("unknown")]), report(7, [disk("drift")]), report(8)]
    with History.open(file) as history:
        for one, moment in zip(runs, (start(5), start(5), start(4), start(3)), strict=True):
            after = history.add_run(replace(one, run=replace(one.run, started_at=moment)), SCOPE)
            history.commit()
            assert after.changes
            assert len(after.changes.unobserved) == (one.run.id == runs[1].run.id)
            assert all(finding.first_seen == start(5) for finding in after.findings)
        kept = [history.findings(one.run.id) for one in runs]
        assert [one[0].first_seen if one else None for one in kept] == [start(5)] * 3 + [None]
        assert [one.ended for one in history.episodes(DISK)] == [start(3)]


@pytest.mark.parametrize(
    ("name", "night"),
    [
        ("latest", 3),
        ("previous", 2),
        ("2026-11-02", 2),
        ("20261101", 1),
        ("20261103T030000Z-0003", 3),
    ],
)
def test_a_run_has_many_names(file: Path, name: str, night: int) -> None:
    for one in (1, 2, 3):
        enter(file, report(one))
    with History.open(file, create=False) as history:
        assert history.find_run(name).started_at == start(night)


def test_a_date_means_the_last_run_of_that_day(file: Path) -> None:
    enter(file, report(1))
    enter(file, report(2, started="2026-11-01T23:59:59Z"))
    with History.open(file, create=False) as history:
        assert history.find_run("2026-11-01").started_at == "2026-11-01T23:59:59Z"


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("2026", "2 runs' ids begin with '2026'", "they are 20261102T030000Z-0002, 20261101T030000Z-0001"),
        ("2025-01-01", "there is no run '2025-01-01'", "the last are 20261102T030000Z-0002, 20261101T0300"),
        ("", "there is no run ''", "a date, latest and previous name runs too"),
        ("%", "there is no run '%'", "a date, latest and previous name runs too"),
    ],
)
def test_a_name_that_no_run_or_several_have_is_refused(file: Path, name: str, message: str, hint: str) -> None:
    enter(file, report(1))
    enter(file, report(2))
    with History.open(file, create=False) as history, pytest.raises(UsageError) as error:
        history.find_run(name)
    assert error.value.message == message
    assert hint in error.value.hint


def test_there_is_no_run_before_the_only_one(file: Path) -> None:
    with History.open(file) as history:
        with pytest.raises(UsageError, match="there is no run in this history yet"):
            history.find_run("latest")
        history.add_run(report(1), SCOPE)
        with pytest.raises(UsageError, match="the history has one run only"):
            history.find_run("previous")


VERDICTS = st.sampled_from(["ok", "drift", "unknown", "waived"])


@given(
    st.lists(
        st.lists(
            st.builds(
                lambda host, verdict, subject: found(host, "disk.free", verdict, subject=subject),
                st.sampled_from(["ol-a", "ol-b"]),
                VERDICTS,
                st.sampled_from(["/x", "/y"]),
            ),
            max_size=5,
        ),
        max_size=5,
    )
)
def test_a_file_remembers_what_memory_does(past: list[list[Finding]]) -> None:
    states: dict[str, FindingState] = {}
    since = None
    with TemporaryDirectory() as folder, History.open(Path(folder) / "history.sqlite") as history:
        for night, findings in enumerate(past, 1):
            given_ = report(night, findings)
            states, expected = advance(states, given_, SCOPE, since)
            since = given_.run.started_at
            kept = history.add_run(given_, SCOPE)
            history.commit()
            assert load_states(history._connection) == states
            assert kept.findings == expected.findings
            assert kept.changes
            assert expected.changes
            assert replace(kept.changes, timeline=()) == replace(expected.changes, timeline=())
