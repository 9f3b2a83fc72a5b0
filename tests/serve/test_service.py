from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest

from olaudit.expected import FleetSpec
from olaudit.model import Failure, FailureReason, Verdict
from olaudit.serve.events import HostRemoved
from olaudit.serve.service import FRESH_SECONDS
from tests.serve.harness import Clock, ServiceHarness

DOWN = Failure(FailureReason.REFUSED, "refuses connections")


@pytest.fixture
def harness(expected: Path) -> ServiceHarness:
    return ServiceHarness(expected, clock=Clock())


def advance(harness: ServiceHarness, seconds: float) -> None:
    assert harness.clock
    harness.clock.seconds += seconds
    harness.service.step()


def audit_all_hosts(harness: ServiceHarness) -> None:
    harness.service.step()
    for host in sorted(harness.auditor.running):
        harness.auditor.end(host)
    advance(harness, 1.0)


def reload(harness: ServiceHarness) -> None:
    """Reload the expected files, which happens in another thread."""
    lines = len(harness.log)
    harness.service.reload()
    for _ in range(200):
        harness.service.step()
        if len(harness.log) > lines:
            break
        time.sleep(0.01)
    advance(harness, 1.0)


# --- schedule --------------------------------------------------------------------------------------------------


def test_first_audits_start_immediately_up_to_jobs(expected: Path) -> None:
    harness = ServiceHarness(expected, clock=Clock(), jobs=2)
    harness.service.step()
    assert sorted(harness.auditor.running) == ["ol-a", "ol-b"]
    harness.auditor.end("ol-a")
    harness.service.step()
    assert sorted(harness.auditor.running) == ["ol-b", "ol-c"]


def test_every_host_is_audited_once_per_interval(harness: ServiceHarness) -> None:
    audit_all_hosts(harness)
    for _ in range(300):
        advance(harness, 6.0)
        for host in list(harness.auditor.running):
            harness.auditor.end(host)
    assert harness.auditor.count in range(3 * 6, 3 * 7 + 1)


def test_hanging_host_has_one_audit_and_delays_no_other(harness: ServiceHarness) -> None:
    harness.service.step()
    for _ in range(100):
        harness.auditor.end("ol-b") if "ol-b" in harness.auditor.running else None
        advance(harness, 30.0)  # ManualAuditor rejects a second audit of a host
    assert harness.auditor.count > 8
    assert {"ol-a", "ol-c"} <= harness.auditor.running.keys()


# --- snapshots --------------------------------------------------------------------------------------------------


def test_host_without_audit_is_unknown(harness: ServiceHarness) -> None:
    harness.service.step()
    harness.auditor.end("ol-a")
    advance(harness, 1.0)
    snapshot = harness.service.snapshot
    assert snapshot.unaudited == {"ol-b", "ol-c"}
    assert snapshot.report.unreachable == 2
    assert {result.host: result.verdict for result in snapshot.report.hosts} == {
        "ol-a": Verdict.OK,
        "ol-b": Verdict.UNKNOWN,
        "ol-c": Verdict.UNKNOWN,
    }


def test_drift_keeps_its_age_across_failed_audits(harness: ServiceHarness) -> None:
    harness.service.step()
    harness.auditor.end("ol-a", "Minix")
    advance(harness, 1.0)
    (drift,) = [
        finding for finding in harness.service.snapshot.report.findings if finding.verdict is Verdict.DRIFT
    ]
    assert drift.first_seen == "2026-11-22T03:00:01Z"
    for answer in (DOWN, "Minix"):
        harness.service.probe("ol-a")
        advance(harness, 400.0)
        harness.auditor.end("ol-a", answer)
        advance(harness, 1.0)
    (drift,) = [
        finding for finding in harness.service.snapshot.report.findings if finding.verdict is Verdict.DRIFT
    ]
    assert drift.first_seen == "2026-11-22T03:00:01Z"


def test_log_records_changes_of_reachability_only(harness: ServiceHarness) -> None:
    audit_all_hosts(harness)
    for answer in ("Linux", DOWN, DOWN, Failure(FailureReason.AUTH, "no"), "Minix", "Linux"):
        harness.service.probe("ol-a")
        advance(harness, 10.0)
        harness.auditor.end("ol-a", answer)
        advance(harness, 1.0)
    assert harness.log == [
        "ol-a cannot be audited: refused: refuses connections",
        "ol-a cannot be audited: auth: no",
        "ol-a can be audited again",
    ]


# --- probes ----------------------------------------------------------------------------------------------------


def test_probes_join_the_running_audit(harness: ServiceHarness) -> None:
    audit_all_hosts(harness)
    advance(harness, 10.0)
    futures = [harness.service.probe("ol-a") for _ in range(50)]
    harness.service.step()
    assert harness.auditor.count == 4
    assert not any(future.done() for future in futures)
    harness.auditor.end("ol-a", "Minix")
    advance(harness, 0.1)
    assert {future.result(0).report.count(Verdict.DRIFT) for future in futures} == {1}


def test_cancelled_probe_is_ignored_at_any_time(harness: ServiceHarness) -> None:
    def cancel_probe(host: str) -> None:
        assert harness.service.probe(host).cancel()
        assert harness.service.step()

    cancel_probe("ol-a")  # before its first audit
    audit_all_hosts(harness)
    cancel_probe("ol-a")  # directly after an audit
    cancel_probe("ol-nowhere")
    advance(harness, 10.0)
    future = harness.service.probe("ol-a")
    harness.service.step()
    assert future.cancel()  # during an audit
    harness.auditor.end("ol-a")
    advance(harness, 1.0)
    assert harness.service.snapshot.unaudited == frozenset()


def test_fresh_audit_answers_a_probe(harness: ServiceHarness) -> None:
    audit_all_hosts(harness)
    advance(harness, 10.0)
    for count, wait in ((4, 0.5 * FRESH_SECONDS), (4, 0.6 * FRESH_SECONDS), (5, 1.0)):
        future = harness.service.probe("ol-a")
        harness.service.step()
        assert harness.auditor.count == count
        if "ol-a" in harness.auditor.running:
            harness.auditor.end("ol-a")
        harness.service.step()
        advance(harness, wait)
        assert future.result(0) is harness.service.snapshot


def test_probe_is_not_limited_by_jobs(expected: Path) -> None:
    harness = ServiceHarness(expected, clock=Clock(), jobs=1)
    harness.service.step()
    harness.service.probe("ol-c")
    harness.service.step()
    assert sorted(harness.auditor.running) == ["ol-a", "ol-c"]


def test_probe_replaces_the_scheduled_audit(harness: ServiceHarness) -> None:
    audit_all_hosts(harness)
    for _ in range(40):
        for host in ("ol-a", "ol-b", "ol-c"):
            harness.service.probe(host)
        advance(harness, 60.0)
        for host in list(harness.auditor.running):
            harness.auditor.end(host)
        harness.service.step()
    assert harness.auditor.count == 3 + 3 * 40


# --- expected files --------------------------------------------------------------------------------------------


def test_added_host_is_audited_and_removed_host_vanishes(harness: ServiceHarness, expected: Path) -> None:
    audit_all_hosts(harness)
    advance(harness, 10.0)
    (expected / "hosts" / "ol-a.yaml").unlink()
    (expected / "hosts" / "ol-d.yaml").write_text("host: ol-d\nkernel: Linux\n")
    pending = harness.service.probe("ol-a")
    harness.service.step()
    reload(harness)
    assert isinstance(pending.exception(0), HostRemoved)
    assert "ol-d" in harness.auditor.running
    harness.auditor.end("ol-a")
    advance(harness, 1.0)
    assert [host.host for host in harness.service.snapshot.report.hosts] == ["ol-b", "ol-c", "ol-d"]
    assert re.fullmatch("expected files reloaded: revision [0-9a-f]{12}, 3 hosts", harness.log[0])
    late = harness.service.probe("ol-a")
    harness.service.step()
    assert isinstance(late.exception(0), HostRemoved)


def test_host_with_changed_expectation_is_audited_again(harness: ServiceHarness, expected: Path) -> None:
    audit_all_hosts(harness)
    advance(harness, 10.0)
    (expected / "hosts" / "ol-b.yaml").write_text("host: ol-b\nkernel: Minix\n")
    reload(harness)
    assert list(harness.auditor.running) == ["ol-b"]
    drifts = [
        finding.host for finding in harness.service.snapshot.report.findings if finding.verdict is Verdict.DRIFT
    ]
    assert drifts == ["ol-b"]


def test_invalid_edit_is_logged_and_not_used(harness: ServiceHarness, expected: Path) -> None:
    audit_all_hosts(harness)
    before = harness.service.snapshot
    valid_text = (expected / "hosts" / "ol-b.yaml").read_text()
    (expected / "hosts" / "ol-b.yaml").write_text("host: ol-b\nkernal: Linux\nkernel: 3\n")
    reload(harness)
    (message,) = harness.log
    first_problem, second_problem, summary = message.splitlines()
    assert first_problem.startswith(f"{expected}/hosts/ol-b.yaml:2: unknown key 'kernal'")
    assert second_problem.startswith(f"{expected}/hosts/ol-b.yaml:3: ")
    assert summary == f"the expected files are not valid: revision {before.fleet.revision} remains in use"
    assert not harness.service.snapshot.reload_status.success
    assert harness.service.snapshot.reload_status.at == before.reload_status.at
    assert harness.service.snapshot.report.hosts == before.report.hosts
    (expected / "hosts" / "ol-b.yaml").write_text(valid_text)
    reload(harness)
    assert harness.service.snapshot.reload_status.success
    assert harness.service.snapshot.reload_status.at > before.reload_status.at


def test_change_during_a_reload_is_loaded_too(
    harness: ServiceHarness, expected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait_for_log(count: int) -> None:
        for _ in range(500):
            harness.service.step()
            if len(harness.log) >= count:
                return
            time.sleep(0.01)
        raise AssertionError(harness.log)

    loaded, release = threading.Event(), threading.Event()

    def slow_load() -> FleetSpec:
        fleet = harness.load()
        loaded.set()
        release.wait(10)
        return fleet

    monkeypatch.setattr(harness.service._loader, "_load", slow_load)
    harness.service.reload()
    harness.service.step()
    assert loaded.wait(10)
    (expected / "hosts" / "ol-c.yaml").unlink()
    harness.service.reload()
    harness.service.step()
    release.set()
    wait_for_log(2)
    assert sorted(harness.service._state.fleet.hosts) == ["ol-a", "ol-b"]


def test_changed_files_are_loaded_once_when_stable(harness: ServiceHarness, expected: Path) -> None:
    audit_all_hosts(harness)
    (expected / "hosts" / "ol-b.yaml").write_text("host: ol-b\nkernel: 3\n")
    for _ in range(300):
        advance(harness, 0.5)
        if harness.log:
            break
        time.sleep(0.01)
    for _ in range(20):
        advance(harness, 2.0)
    assert len(harness.log) == 1
