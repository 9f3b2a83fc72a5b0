"""The store of runs: what it keeps, and its queries."""

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
from olaudit.model import EpisodeEnd, FailureReason, Finding, Report, Verdict
from tests.history.run_builder import DISK_ID, SCOPE, WAIVER, disk_finding, make_finding, make_report, start_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history #1?.sqlite"


def add_run(file: Path, report: Report, recording: str | None = None, scope: RunScope = SCOPE) -> Report:
    with History.open(file) as history:
        after = history.add_run(report, scope, recording)
        history.commit()
    return after


def test_a_history_is_readable_by_its_owner_only(file: Path) -> None:
    add_run(file, make_report(1))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_ages_and_changes_follow_from_earlier_runs(file: Path) -> None:
    assert add_run(file, make_report(1, [disk_finding("drift")])).changes
    after = add_run(file, make_report(2, [disk_finding("drift"), make_finding("ol-b", "path.mode", "drift")]))
    assert [finding.first_seen for finding in after.findings] == [start_of(1), start_of(2)]
    assert after.changes
    assert after.changes.since == start_of(1)
    assert after.changes.new == {after.findings[1].id}
    assert [run.started_at for run in after.changes.timeline] == [start_of(1), start_of(2)]
    assert after.changes.timeline[-1].drift == 2


def test_the_timeline_has_thirty_runs(file: Path) -> None:
    with History.open(file) as history:
        for number in range(1, 33):
            report = make_report(number, started=f"2026-01-01T03:{number:02}:00Z")
            after = history.add_run(report, SCOPE)
            history.commit()
    assert after.changes
    assert len(after.changes.timeline) == 30
    assert after.changes.timeline[-1].id == after.run.id


def test_an_uncommitted_run_is_discarded(file: Path) -> None:
    with History.open(file) as history:
        history.add_run(make_report(1, [disk_finding("drift")]), SCOPE, "text")
        history.set_last_printed(start_of(1))
    with History.open(file) as history:
        assert history.runs(30) == ()
        assert history.last_printed is None
        assert history.episodes(DISK_ID) == ()


def test_a_run_keeps_its_findings_that_were_not_ok(file: Path) -> None:
    reports = [
        make_report(1, [disk_finding("drift"), make_finding("ol-b", "path.mode", "ok")]),
        make_report(2, [disk_finding("drift", "fuller"), make_finding("ol-b", "path.mode", "waived")]),
        make_report(3, [disk_finding("ok"), make_finding("ol-b", "path.mode", "unknown")]),
    ]
    added = [add_run(file, report) for report in reports]
    with History.open(file, create=False) as history:
        for report in added:
            not_ok = tuple(finding for finding in report.findings if finding.verdict is not Verdict.OK)
            assert history.findings(report.run.id) == not_ok
        assert history.findings(added[1].run.id)[1].waiver == WAIVER


def test_episodes_are_stored_with_their_ending(file: Path) -> None:
    first = add_run(file, make_report(1, [disk_finding("drift")]))
    add_run(file, make_report(2, [disk_finding("ok")]))
    third = add_run(file, make_report(3, [disk_finding("drift")]))
    fourth = add_run(file, make_report(4, [disk_finding("waived")]))
    with History.open(file, create=False) as history:
        fixed = DriftEpisode(
            finding=first.findings[0], last_seen=start_of(1), ended=start_of(2), ending=EpisodeEnd.FIXED
        )
        waived = DriftEpisode(finding=fourth.findings[0], last_seen=start_of(4))
        assert history.episodes(DISK_ID) == (fixed, waived)
        assert history.host_episodes("ol-a") == history.episodes(DISK_ID)
        assert history.host_episodes("ol-b") == ()
    assert third.findings[0].first_seen == fourth.findings[0].first_seen == start_of(3)


def test_a_span_ends_with_another_verdict_or_a_missing_run(file: Path) -> None:
    add_run(file, make_report(1, [disk_finding("drift")]))
    add_run(file, make_report(2, [disk_finding("drift", "fuller")]))
    add_run(file, make_report(3, audited=["ol-b"]))
    add_run(file, make_report(4, [disk_finding("drift")]))
    add_run(file, make_report(5, [disk_finding("ok")]))
    with History.open(file, create=False) as history:
        spans = history.spans(DISK_ID)
    assert [(span.verdict, span.first, span.last, span.runs) for span in spans] == [
        (Verdict.DRIFT, start_of(1), start_of(2), 2),
        (Verdict.DRIFT, start_of(4), start_of(4), 1),
        (Verdict.OK, start_of(5), start_of(5), 1),
    ]
    assert [span.finding and span.finding.observed for span in spans] == ["fuller", "full", None]


def test_failures_of_one_reason_in_a_row_are_one_span(file: Path) -> None:
    reasons = [FailureReason.DNS, FailureReason.DNS, FailureReason.TIMEOUT, None, FailureReason.TIMEOUT]
    for number, reason in enumerate(reasons, 1):
        add_run(file, make_report(number, audited=["ol-b"], failed={"ol-a": reason} if reason else {}))
    with History.open(file, create=False) as history:
        spans = history.unreachable_spans("ol-a")
    assert [(span.first, span.last, span.runs, span.failure.reason) for span in spans] == [
        (start_of(1), start_of(2), 2, FailureReason.DNS),
        (start_of(3), start_of(3), 1, FailureReason.TIMEOUT),
        (start_of(5), start_of(5), 1, FailureReason.TIMEOUT),
    ]


def test_a_recording_is_loaded_unchanged(file: Path) -> None:
    text = "Füße \udcff \x00 " * 1000
    add_run(file, make_report(1), text)
    add_run(file, make_report(2))
    with History.open(file, create=False) as history:
        assert history.recording("previous") == text
        assert history.recording("latest") is None


def test_last_printed_is_committed_with_the_run(file: Path) -> None:
    with History.open(file) as history:
        history.add_run(make_report(1), SCOPE)
        history.set_last_printed(start_of(1))
        history.commit()
        history.add_run(make_report(2), SCOPE)
        history.commit()
        assert history.last_printed == start_of(1)


def test_a_run_is_added_only_once(file: Path) -> None:
    with History.open(file) as history:
        history.add_run(make_report(1), SCOPE)
        history.commit()
        with pytest.raises(HistoryError, match=r"UNIQUE constraint failed: runs\.id"):
            history.add_run(make_report(1), SCOPE)
        history.add_run(make_report(2), SCOPE)
        history.commit()
        assert len(history.runs(9)) == 2


def test_a_clock_that_stops_or_goes_back_is_tolerated(file: Path) -> None:
    reports = [
        make_report(5, [disk_finding("drift")]),
        make_report(6, [disk_finding("unknown")]),
        make_report(7, [disk_finding("drift")]),
        make_report(8),
    ]
    with History.open(file) as history:
        for report, moment in zip(reports, (start_of(5), start_of(5), start_of(4), start_of(3)), strict=True):
            after = history.add_run(replace(report, run=replace(report.run, started_at=moment)), SCOPE)
            history.commit()
            assert after.changes
            assert len(after.changes.unobserved) == (report is reports[1])
            assert all(finding.first_seen == start_of(5) for finding in after.findings)
        findings = [history.findings(report.run.id) for report in reports]
        assert [of_run[0].first_seen if of_run else None for of_run in findings] == [start_of(5)] * 3 + [None]
        assert [episode.ended for episode in history.episodes(DISK_ID)] == [start_of(3)]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("latest", 3),
        ("previous", 2),
        ("2026-11-02", 2),
        ("20261101", 1),
        ("20261103T030000Z-0003", 3),
    ],
)
def test_a_run_is_found_by_each_of_its_names(file: Path, name: str, number: int) -> None:
    for run in (1, 2, 3):
        add_run(file, make_report(run))
    with History.open(file, create=False) as history:
        assert history.find_run(name).started_at == start_of(number)


def test_a_date_selects_the_last_run_of_that_day(file: Path) -> None:
    add_run(file, make_report(1))
    add_run(file, make_report(2, started="2026-11-01T23:59:59Z"))
    with History.open(file, create=False) as history:
        assert history.find_run("2026-11-01").started_at == "2026-11-01T23:59:59Z"


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("2026", "2 run ids begin with '2026'", "they are 20261102T030000Z-0002, 20261101T030000Z-0001"),
        ("2025-01-01", "there is no run '2025-01-01'", "the last runs are 20261102T030000Z-0002, 20261101T0300"),
        ("", "there is no run ''", "a date, latest and previous name runs too"),
        ("%", "there is no run '%'", "a date, latest and previous name runs too"),
    ],
)
def test_a_name_of_no_run_or_several_runs_is_refused(file: Path, name: str, message: str, hint: str) -> None:
    add_run(file, make_report(1))
    add_run(file, make_report(2))
    with History.open(file, create=False) as history, pytest.raises(UsageError) as error:
        history.find_run(name)
    assert error.value.message == message
    assert hint in error.value.hint


def test_previous_is_refused_when_there_is_one_run(file: Path) -> None:
    with History.open(file) as history:
        with pytest.raises(UsageError, match="there is no run in this history yet"):
            history.find_run("latest")
        history.add_run(make_report(1), SCOPE)
        with pytest.raises(UsageError, match="the history has only one run"):
            history.find_run("previous")


VERDICTS = st.sampled_from(["ok", "drift", "unknown", "waived"])


@given(
    st.lists(
        st.lists(
            st.builds(
                lambda host, verdict, subject: make_finding(host, "disk.free", verdict, subject=subject),
                st.sampled_from(["ol-a", "ol-b"]),
                VERDICTS,
                st.sampled_from(["/x", "/y"]),
            ),
            max_size=5,
        ),
        max_size=5,
    )
)
def test_the_stored_states_equal_those_in_memory(runs: list[list[Finding]]) -> None:
    states: dict[str, FindingState] = {}
    since = None
    with TemporaryDirectory() as folder, History.open(Path(folder) / "history.sqlite") as history:
        for number, findings in enumerate(runs, 1):
            report = make_report(number, findings)
            states, expected = advance(states, report, SCOPE, since)
            since = report.run.started_at
            added = history.add_run(report, SCOPE)
            history.commit()
            assert history.states() == states
            assert added.findings == expected.findings
            assert added.changes
            assert expected.changes
            assert replace(added.changes, timeline=()) == replace(expected.changes, timeline=())
