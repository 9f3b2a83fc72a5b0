"""Two runs side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from olaudit.history import Comparison, History, RunScope, compare
from olaudit.model import EpisodeEnd, FailureReason, Finding, Report, Verdict
from tests.history.run_builder import CHECKS, DISK, HOSTS, SCOPE, disk, found, report, start

ON_B = found("ol-b", "path.mode", "drift")


def compared(folder: Path, *nights: Report, scopes: tuple[RunScope, ...] = ()) -> Comparison:
    """Enter the nights, and compare the first with the last."""
    with History.open(folder / "history.sqlite") as history:
        for night, scope in zip(nights, scopes or [SCOPE] * len(nights), strict=True):
            history.add_run(night, scope)
            history.commit()
        return compare(history.run_findings(nights[0].run.id), history.run_findings(nights[-1].run.id))


def ids(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.id for finding in findings]


def test_what_appeared_and_what_stayed(tmp_path: Path) -> None:
    said = compared(tmp_path, report(1, [disk("drift")]), report(2, [disk("drift", "fuller"), ON_B]))
    assert ids(said.new) == [ON_B.id]
    assert [(one.id, one.observed, one.first_seen) for one in said.unchanged] == [(DISK, "fuller", start(1))]
    assert (said.resolved, said.unobserved, said.newly_unknown, said.observed_again) == ((), (), (), ())


UNREACHABLE = report(3, audited=["ol-b"], failed={"ol-a": FailureReason.DNS})


@pytest.mark.parametrize(
    ("last", "ending"),
    [
        (report(3, [disk("ok")]), EpisodeEnd.FIXED),
        (report(3, [disk("waived")]), EpisodeEnd.WAIVED),
        (report(3), EpisodeEnd.REMOVED),
    ],
)
def test_what_went_and_how(tmp_path: Path, last: Report, ending: EpisodeEnd) -> None:
    said = compared(tmp_path, report(1, [disk("drift")]), report(2, [disk("unknown")]), last)
    assert [(one.id, how) for one, how in said.resolved] == [(DISK, ending)]
    assert said.unobserved == ()


@pytest.mark.parametrize("last", [report(3, [disk("unknown")]), UNREACHABLE, report(3, audited=["ol-b"])])
def test_what_the_second_run_could_not_look_at_did_not_go(tmp_path: Path, last: Report) -> None:
    said = compared(tmp_path, report(1, [disk("drift")]), last)
    assert said.resolved == ()
    assert ids(said.unobserved) == [DISK]


@pytest.mark.parametrize("first", [report(2, [disk("unknown")]), replace(UNREACHABLE, run=report(2).run)])
def test_what_the_first_run_could_not_look_at_did_not_appear(tmp_path: Path, first: Report) -> None:
    with History.open(tmp_path / "history.sqlite") as history:
        for night in (report(1, [disk("drift")]), first, report(3, [disk("drift")])):
            history.add_run(night, SCOPE)
            history.commit()
        said = compare(history.run_findings("previous"), history.run_findings("latest"))
    assert said.new == ()
    assert ids(said.unchanged) == [DISK]


def test_what_became_unknown_and_what_is_known_again(tmp_path: Path) -> None:
    first = report(1, [disk("unknown"), found("ol-b", "path.mode", "ok")])
    said = compared(tmp_path, first, report(2, [disk("ok"), found("ol-b", "path.mode", "unknown")]))
    assert ids(said.newly_unknown) == [ON_B.id]
    assert [(one.id, now) for one, now in said.observed_again] == [(DISK, Verdict.OK)]


def test_a_host_that_left_the_fleet_takes_its_drift_with_it(tmp_path: Path) -> None:
    scopes = (SCOPE, RunScope(HOSTS - {"ol-a"}, CHECKS))
    said = compared(tmp_path, report(1, [disk("drift")]), report(2, audited=["ol-b"]), scopes=scopes)
    assert [how for _, how in said.resolved] == [EpisodeEnd.REMOVED]


def test_backwards_is_the_other_way_round(tmp_path: Path) -> None:
    with History.open(tmp_path / "history.sqlite") as history:
        for night in (report(1, [disk("drift")]), report(2, [disk("ok"), ON_B])):
            history.add_run(night, SCOPE)
            history.commit()
        said = compare(history.run_findings("latest"), history.run_findings("previous"))
    assert ids(said.new) == [DISK]
    assert [one.id for one, _ in said.resolved] == [ON_B.id]
