"""Comparison of two runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from olaudit.history import Comparison, History, RunScope, compare
from olaudit.model import EpisodeEnd, FailureReason, Finding, Report, Verdict
from tests.history.run_builder import (
    CHECKS,
    DISK_ID,
    HOSTS,
    SCOPE,
    disk_finding,
    make_finding,
    make_report,
    start_of,
)

B_DRIFT = make_finding("ol-b", "path.mode", "drift")


def compare_first_and_last(folder: Path, *reports: Report, scopes: tuple[RunScope, ...] = ()) -> Comparison:
    """Add the reports to a history, and compare the first with the last."""
    with History.open(folder / "history.sqlite") as history:
        for report, scope in zip(reports, scopes or [SCOPE] * len(reports), strict=True):
            history.add_run(report, scope)
            history.commit()
        return compare(history.run_findings(reports[0].run.id), history.run_findings(reports[-1].run.id))


def ids(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.id for finding in findings]


def test_new_and_unchanged_drift(tmp_path: Path) -> None:
    first = make_report(1, [disk_finding("drift")])
    comparison = compare_first_and_last(
        tmp_path, first, make_report(2, [disk_finding("drift", "fuller"), B_DRIFT])
    )
    assert ids(comparison.new) == [B_DRIFT.id]
    (unchanged,) = comparison.unchanged
    assert (unchanged.id, unchanged.observed, unchanged.first_seen) == (DISK_ID, "fuller", start_of(1))
    assert comparison.resolved == ()
    assert comparison.unobserved == ()
    assert comparison.newly_unknown == ()
    assert comparison.observed_again == ()


UNREACHABLE = make_report(3, audited=["ol-b"], failed={"ol-a": FailureReason.DNS})


@pytest.mark.parametrize(
    ("last", "ending"),
    [
        (make_report(3, [disk_finding("ok")]), EpisodeEnd.FIXED),
        (make_report(3, [disk_finding("waived")]), EpisodeEnd.WAIVED),
        (make_report(3), EpisodeEnd.REMOVED),
    ],
    ids=["fixed", "waived", "removed"],
)
def test_resolved_drift_has_its_ending(tmp_path: Path, last: Report, ending: EpisodeEnd) -> None:
    first, second = make_report(1, [disk_finding("drift")]), make_report(2, [disk_finding("unknown")])
    comparison = compare_first_and_last(tmp_path, first, second, last)
    assert [(finding.id, end) for finding, end in comparison.resolved] == [(DISK_ID, ending)]
    assert comparison.unobserved == ()


@pytest.mark.parametrize(
    "last",
    [make_report(3, [disk_finding("unknown")]), UNREACHABLE, make_report(3, audited=["ol-b"])],
    ids=["unknown", "unreachable", "not audited"],
)
def test_drift_unobserved_in_the_second_run_is_not_resolved(tmp_path: Path, last: Report) -> None:
    comparison = compare_first_and_last(tmp_path, make_report(1, [disk_finding("drift")]), last)
    assert comparison.resolved == ()
    assert ids(comparison.unobserved) == [DISK_ID]


@pytest.mark.parametrize(
    "first",
    [make_report(2, [disk_finding("unknown")]), replace(UNREACHABLE, run=make_report(2).run)],
    ids=["unknown", "unreachable"],
)
def test_drift_unobserved_in_the_first_run_is_not_new(tmp_path: Path, first: Report) -> None:
    with History.open(tmp_path / "history.sqlite") as history:
        for report in (make_report(1, [disk_finding("drift")]), first, make_report(3, [disk_finding("drift")])):
            history.add_run(report, SCOPE)
            history.commit()
        comparison = compare(history.run_findings("previous"), history.run_findings("latest"))
    assert comparison.new == ()
    assert ids(comparison.unchanged) == [DISK_ID]


def test_newly_unknown_and_observed_again(tmp_path: Path) -> None:
    first = make_report(1, [disk_finding("unknown"), make_finding("ol-b", "path.mode", "ok")])
    second = make_report(2, [disk_finding("ok"), make_finding("ol-b", "path.mode", "unknown")])
    comparison = compare_first_and_last(tmp_path, first, second)
    assert ids(comparison.newly_unknown) == [B_DRIFT.id]
    assert [(finding.id, verdict) for finding, verdict in comparison.observed_again] == [(DISK_ID, Verdict.OK)]


def test_drift_of_a_host_that_left_the_fleet_is_removed(tmp_path: Path) -> None:
    scopes = (SCOPE, RunScope(HOSTS - {"ol-a"}, CHECKS))
    first, second = make_report(1, [disk_finding("drift")]), make_report(2, audited=["ol-b"])
    comparison = compare_first_and_last(tmp_path, first, second, scopes=scopes)
    assert [ending for _, ending in comparison.resolved] == [EpisodeEnd.REMOVED]


def test_the_first_run_may_be_the_newer_one(tmp_path: Path) -> None:
    with History.open(tmp_path / "history.sqlite") as history:
        for report in (make_report(1, [disk_finding("drift")]), make_report(2, [disk_finding("ok"), B_DRIFT])):
            history.add_run(report, SCOPE)
            history.commit()
        comparison = compare(history.run_findings("latest"), history.run_findings("previous"))
    assert ids(comparison.new) == [DISK_ID]
    assert [finding.id for finding, _ in comparison.resolved] == [B_DRIFT.id]
