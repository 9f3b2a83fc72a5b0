from __future__ import annotations

import re
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from olaudit.expected import FleetSpec
from olaudit.model import Failure, FailureReason, Verdict
from olaudit.serve.events import Gone
from olaudit.serve.service import FRESH_SECONDS
from tests.serve.running import Clock, Toy

DOWN = Failure(FailureReason.REFUSED, "refuses connections")


@pytest.fixture
def toy(expected: Path) -> Toy:
    return Toy(expected, clock=Clock())


def advance(toy: Toy, seconds: float) -> None:
    assert toy.clock
    toy.clock.seconds += seconds
    toy.service.step()


def audit_all(toy: Toy) -> None:
    toy.service.step()
    for host in sorted(toy.hand.begun):
        toy.hand.end(host)
    advance(toy, 1.0)


def reload(toy: Toy) -> None:
    """Read the files anew, which happens in another thread."""
    lines = len(toy.log)
    toy.service.reload()
    for _ in range(200):
        toy.service.step()
        if len(toy.log) > lines:
            break
        time.sleep(0.01)
    advance(toy, 1.0)


# --- the clock -------------------------------------------------------------------------------------------------


def test_the_first_round_begins_at_once_but_never_more_audits_than_jobs(expected: Path) -> None:
    toy = Toy(expected, clock=Clock(), jobs=2)
    toy.service.step()
    assert sorted(toy.hand.begun) == ["ol-a", "ol-b"]
    toy.hand.end("ol-a")
    toy.service.step()
    assert sorted(toy.hand.begun) == ["ol-b", "ol-c"]


def test_every_host_is_audited_once_per_interval(toy: Toy) -> None:
    audit_all(toy)
    for _ in range(300):
        advance(toy, 6.0)
        for host in list(toy.hand.begun):
            toy.hand.end(host)
    assert toy.hand.count in range(3 * 6, 3 * 7 + 1)


def test_a_host_that_hangs_is_not_asked_twice_at_once_and_holds_up_no_other(toy: Toy) -> None:
    toy.service.step()
    for _ in range(100):
        toy.hand.end("ol-b") if "ol-b" in toy.hand.begun else None
        advance(toy, 30.0)  # ByHand itself takes no second audit of a host
    assert toy.hand.count > 8
    assert {"ol-a", "ol-c"} <= toy.hand.begun.keys()


# --- what is known ---------------------------------------------------------------------------------------------


def test_a_host_that_was_never_audited_is_unknown(toy: Toy) -> None:
    toy.service.step()
    toy.hand.end("ol-a")
    advance(toy, 1.0)
    now = toy.service.snapshot
    assert now.missing == {"ol-b", "ol-c"}
    assert now.report.unreachable == 2
    assert {host.host: host.verdict for host in now.report.hosts} == {
        "ol-a": Verdict.OK,
        "ol-b": Verdict.UNKNOWN,
        "ol-c": Verdict.UNKNOWN,
    }


def test_drift_keeps_its_age_over_audits_that_see_nothing(toy: Toy) -> None:
    toy.service.step()
    toy.hand.end("ol-a", "Minix")
    advance(toy, 1.0)
    (drift,) = [one for one in toy.service.snapshot.report.findings if one.verdict is Verdict.DRIFT]
    assert drift.first_seen == "2026-11-22T03:00:01Z"
    for said in (DOWN, "Minix"):
        toy.service.probe("ol-a")
        advance(toy, 400.0)
        toy.hand.end("ol-a", said)
        advance(toy, 1.0)
    (drift,) = [one for one in toy.service.snapshot.report.findings if one.verdict is Verdict.DRIFT]
    assert drift.first_seen == "2026-11-22T03:00:01Z"


def test_the_log_says_when_a_host_goes_and_comes_back_and_nothing_else(toy: Toy) -> None:
    audit_all(toy)
    for said in ("Linux", DOWN, DOWN, Failure(FailureReason.AUTH, "no"), "Minix", "Linux"):
        toy.service.probe("ol-a")
        advance(toy, 10.0)
        toy.hand.end("ol-a", said)
        advance(toy, 1.0)
    assert toy.log == [
        "ol-a cannot be audited: refused: refuses connections",
        "ol-a cannot be audited: auth: no",
        "ol-a can be audited again",
    ]


# --- probes ----------------------------------------------------------------------------------------------------


def test_probes_of_a_host_join_the_audit_that_is_under_way(toy: Toy) -> None:
    audit_all(toy)
    advance(toy, 10.0)
    futures = [toy.service.probe("ol-a") for _ in range(50)]
    toy.service.step()
    assert toy.hand.count == 4
    assert not any(future.done() for future in futures)
    toy.hand.end("ol-a", "Minix")
    advance(toy, 0.1)
    assert {future.result(0).report.count(Verdict.DRIFT) for future in futures} == {1}


def test_a_probe_that_was_given_up_is_passed_over_whenever_that_was(toy: Toy) -> None:
    def give_up(host: str) -> None:
        assert toy.service.probe(host).cancel()
        assert toy.service.step()

    give_up("ol-a")  # before its first audit
    audit_all(toy)
    give_up("ol-a")  # when an audit has just ended
    give_up("ol-nowhere")
    advance(toy, 10.0)
    future = toy.service.probe("ol-a")
    toy.service.step()
    assert future.cancel()  # while it is audited
    toy.hand.end("ol-a")
    advance(toy, 1.0)
    assert toy.service.snapshot.missing == frozenset()


def test_an_audit_that_has_just_ended_answers_too_but_not_for_long(toy: Toy) -> None:
    audit_all(toy)
    advance(toy, 10.0)
    for count, wait in ((4, 0.5 * FRESH_SECONDS), (4, 0.6 * FRESH_SECONDS), (5, 1.0)):
        future = toy.service.probe("ol-a")
        toy.service.step()
        assert toy.hand.count == count
        if "ol-a" in toy.hand.begun:
            toy.hand.end("ol-a")
        toy.service.step()
        advance(toy, wait)
        assert future.result(0) is toy.service.snapshot


def test_a_probe_begins_its_audit_however_many_others_are_under_way(expected: Path) -> None:
    toy = Toy(expected, clock=Clock(), jobs=1)
    toy.service.step()
    toy.service.probe("ol-c")
    toy.service.step()
    assert sorted(toy.hand.begun) == ["ol-a", "ol-c"]


def test_a_probe_counts_as_the_audit_of_its_interval(toy: Toy) -> None:
    audit_all(toy)
    for _ in range(40):
        for host in ("ol-a", "ol-b", "ol-c"):
            toy.service.probe(host)
        advance(toy, 60.0)
        for host in list(toy.hand.begun):
            toy.hand.end(host)
        toy.service.step()
    assert toy.hand.count == 3 + 3 * 40


# --- expected files --------------------------------------------------------------------------------------------


def test_hosts_that_are_added_are_audited_at_once_and_those_removed_vanish(toy: Toy, expected: Path) -> None:
    audit_all(toy)
    advance(toy, 10.0)
    (expected / "hosts" / "ol-a.yaml").unlink()
    (expected / "hosts" / "ol-d.yaml").write_text("host: ol-d\nkernel: Linux\n")
    waiting = toy.service.probe("ol-a")
    toy.service.step()
    reload(toy)
    assert isinstance(waiting.exception(0), Gone)
    assert "ol-d" in toy.hand.begun
    toy.hand.end("ol-a")
    advance(toy, 1.0)
    assert [host.host for host in toy.service.snapshot.report.hosts] == ["ol-b", "ol-c", "ol-d"]
    assert re.fullmatch("expected files reloaded: revision [0-9a-f]{12}, 3 hosts", toy.log[0])
    late = toy.service.probe("ol-a")
    toy.service.step()
    assert isinstance(late.exception(0), Gone)


def test_a_host_that_is_to_be_otherwise_is_judged_anew_at_once_and_asked_again(toy: Toy, expected: Path) -> None:
    audit_all(toy)
    advance(toy, 10.0)
    (expected / "hosts" / "ol-b.yaml").write_text("host: ol-b\nkernel: Minix\n")
    reload(toy)
    assert list(toy.hand.begun) == ["ol-b"]
    drifts = [one.host for one in toy.service.snapshot.report.findings if one.verdict is Verdict.DRIFT]
    assert drifts == ["ol-b"]


def test_a_broken_edit_is_said_line_by_line_and_keeps_what_was(toy: Toy, expected: Path) -> None:
    audit_all(toy)
    before = toy.service.snapshot
    good = (expected / "hosts" / "ol-b.yaml").read_text()
    (expected / "hosts" / "ol-b.yaml").write_text("host: ol-b\nkernal: Linux\nkernel: 3\n")
    reload(toy)
    (said,) = toy.log
    problem, other, summary = said.splitlines()
    assert problem.startswith(f"{expected}/hosts/ol-b.yaml:2: unknown key 'kernal'")
    assert other.startswith(f"{expected}/hosts/ol-b.yaml:3: ")
    assert summary == f"the expected files are not valid: revision {before.fleet.revision} stays in use"
    assert not toy.service.snapshot.reloaded.success
    assert toy.service.snapshot.reloaded.at == before.reloaded.at
    assert toy.service.snapshot.report.hosts == before.report.hosts
    (expected / "hosts" / "ol-b.yaml").write_text(good)
    reload(toy)
    assert toy.service.snapshot.reloaded.success
    assert toy.service.snapshot.reloaded.at > before.reloaded.at


def test_what_changes_while_the_files_are_read_is_read_too(
    toy: Toy, expected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def until(count: int) -> None:
        for _ in range(500):
            toy.service.step()
            if len(toy.log) >= count:
                return
            time.sleep(0.01)
        raise AssertionError(toy.log)

    has_read, held = threading.Event(), threading.Event()

    def slow() -> FleetSpec:
        fleet = toy.load()
        has_read.set()
        held.wait(10)
        return fleet

    monkeypatch.setattr(toy.service, "_sources", replace(toy.service._sources, expected=slow))
    toy.service.reload()
    toy.service.step()
    assert has_read.wait(10), "and has not said so yet"
    (expected / "hosts" / "ol-c.yaml").unlink()
    toy.service.reload()
    toy.service.step()
    held.set()
    until(2)
    assert sorted(toy.service._known.fleet.hosts) == ["ol-a", "ol-b"]


def test_files_that_change_are_noticed_once_they_are_at_rest(toy: Toy, expected: Path) -> None:
    audit_all(toy)
    (expected / "hosts" / "ol-b.yaml").write_text("host: ol-b\nkernel: 3\n")
    for _ in range(300):
        advance(toy, 0.5)
        if toy.log:
            break
        time.sleep(0.01)
    for _ in range(20):
        advance(toy, 2.0)
    assert len(toy.log) == 1
