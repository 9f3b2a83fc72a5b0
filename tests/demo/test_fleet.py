from __future__ import annotations

from dataclasses import replace

import pytest

from olaudit.demo.comparison import compare_findings
from olaudit.demo.drifts import DRIFTS, Drift, empty_folder, redirect_link, rename_container, set_memory_limit
from olaudit.demo.faults import HostFault
from olaudit.demo.fleet import simulated
from olaudit.demo.recorded import RecordedHost, recorded_host
from olaudit.model import Answers, FailureReason, Verdict
from tests.demo.auditing import (
    TIMEOUT_SECONDS,
    collect_answers,
    copies_of,
    not_ok,
    run_audit,
    shipped_fleet,
    subset,
)


def test_fleet_without_drift_is_ok_in_every_check() -> None:
    with simulated(shipped_fleet()) as simulation:
        report = run_audit(shipped_fleet(), simulation.ssh_config)
    assert len(report.findings) > 300
    assert not_ok(report.findings) == []


@pytest.mark.parametrize("drift", DRIFTS, ids=lambda drift: drift.host)
def test_each_drift_gives_exactly_its_finding(drift: Drift) -> None:
    fleet = subset(drift.host)
    with simulated(fleet, [drift]) as simulation:
        report = run_audit(fleet, simulation.ssh_config)
        assert simulation.drifts == (drift,)
    verdict = "unknown" if drift.fault else "drift"
    assert not_ok(report.findings) == [(verdict, drift.host, *finding) for finding in drift.findings]


def test_all_drifts_together_are_reported_and_nothing_else() -> None:
    with simulated(shipped_fleet(), DRIFTS) as simulation:
        report = run_audit(shipped_fleet(), simulation.ssh_config)
        comparison = compare_findings(report, simulation.drifts)
    assert simulation.drifts == DRIFTS
    assert comparison.is_exact


def test_drift_that_does_not_apply_is_left_out() -> None:
    fleet = subset("ol-dev", "ol-mem0")
    elsewhere = [replace(drift, host=host, fault=None) for drift in DRIFTS for host in ("ol-dev", "ol-nowhere")]
    inapplicable = [drift for drift in elsewhere if drift.findings[0][0].startswith(("container", "memcached"))]
    changes = (empty_folder("/nowhere"), redirect_link("/x", "/y"), rename_container("jenkins", "x"))
    bare = [replace(DRIFTS[0], host="ol-mem0", change=change) for change in changes]
    with simulated(fleet, [*inapplicable, *bare]) as simulation:
        assert simulation.drifts == ()


def test_drifts_of_the_demo_concern_different_checks() -> None:
    assert len({drift.findings[0][0] for drift in DRIFTS}) == len(DRIFTS)


def test_comparison_separates_missing_and_unexpected_findings() -> None:
    fleet = subset("ol-mem1")
    injected = replace(DRIFTS[3], host="ol-mem1", change=set_memory_limit(64))
    with simulated(fleet, [injected]) as simulation:
        report = run_audit(fleet, simulation.ssh_config)
    comparison = compare_findings(report, [replace(injected, findings=(("host.hostname", "hostname"),))])
    assert not comparison.is_exact
    assert comparison.missing == (("ol-mem1", "host.hostname", "hostname"),)
    assert [finding.check for finding in comparison.unexpected] == ["memcached.configured"]


def test_environment_of_containers_is_not_collected() -> None:
    fleet = subset("ol-home0")
    secret = {"Env": ["PATH=/bin", "PASSWORD=never-to-be-seen"]}
    host = recorded_host("ol-home0").edit_container(
        "openlibrary-importbot-1", lambda inspect: {**inspect, "Config": {**inspect["Config"], **secret}}
    )
    assert "never-to-be-seen" in str(host.engine)
    with simulated(fleet, recorded={"ol-home0": host}) as simulation:
        collected = collect_answers(fleet, simulation.ssh_config)
    answers = str(dict(_answers(collected.hosts[0].outcome)))
    assert "openlibrary-importbot-1" in answers
    assert "never-to-be-seen" not in answers


def _answers(outcome: object) -> Answers:
    assert isinstance(outcome, Answers)
    return outcome


@pytest.mark.parametrize(
    ("fault", "reason", "message"),
    [
        (HostFault.PORT_CLOSED, FailureReason.REFUSED, "refuses connections"),
        (HostFault.CLOSES_CONNECTION, FailureReason.SSH, "closed 4 connections before its SSH greeting"),
        (HostFault.SENDS_NO_GREETING, FailureReason.TIMEOUT, "no SSH greeting came"),
        (HostFault.OTHER_HOST_KEY, FailureReason.HOSTKEY, "CHANGED"),
        (HostFault.REFUSES_LOGIN, FailureReason.AUTH, "rejected the login of audit"),
        (HostFault.RUNS_NO_COMMAND, FailureReason.TIMEOUT, "answered nothing"),
    ],
)
def test_failing_host_has_its_reason(fault: HostFault, reason: FailureReason, message: str) -> None:
    fleet = subset("ol-web1", "ol-mem0")
    with simulated(fleet, faults={"ol-web1": fault}) as simulation:
        report = run_audit(
            fleet, simulation.ssh_config, timeout=4.0 if reason is FailureReason.TIMEOUT else TIMEOUT_SECONDS
        )
    failures = {host.host: host.failure for host in report.hosts}
    assert failures["ol-mem0"] is None
    failure = failures["ol-web1"]
    assert failure
    assert failure.reason is reason
    assert message in failure.message
    assert reason.value in fault.value


def test_hanging_engine_makes_only_its_own_checks_unknown() -> None:
    fleet = subset("ol-web1")
    with simulated(fleet, faults={"ol-web1": HostFault.DOCKER_HANGS}) as simulation:
        report = run_audit(fleet, simulation.ssh_config, timeout=2.5)
    checkers = {check.partition(".")[0] for _, _, check, _ in not_ok(report.findings)}
    assert checkers == {"container", "docker"}
    assert all(finding.verdict is not Verdict.DRIFT for finding in report.findings)
    assert report.hosts[0].failure is None


def test_docker_command_replaces_forwarded_streams() -> None:
    fleet = subset("ol-home0")
    with simulated(fleet, faults={"ol-home0": HostFault.NO_FORWARDING}) as simulation:
        report = run_audit(fleet, simulation.ssh_config)
    assert not_ok(report.findings) == []


def test_containers_are_unknown_without_forwarding_and_docker() -> None:
    fleet = subset("ol-web1")
    with simulated(fleet, faults={"ol-web1": HostFault.NO_DOCKER_COMMAND}) as simulation:
        report = run_audit(fleet, simulation.ssh_config)
    messages = {finding.message for finding in report.findings if finding.verdict is Verdict.UNKNOWN}
    assert messages
    assert all("Docker is not installed" in message for message in messages)


def test_newer_engine_is_queried_in_its_own_api_version() -> None:
    newer = Drift(host="ol-web1", description="", findings=(), change=_with_newer_engine)
    fleet = subset("ol-web1")
    with simulated(fleet, [newer]) as simulation:
        report = run_audit(fleet, simulation.ssh_config)
    assert not_ok(report.findings) == []


def _with_newer_engine(host: RecordedHost) -> RecordedHost:
    assert host.engine
    newer = {**host.engine.version, "Version": "29.1.0", "ApiVersion": "1.52", "MinAPIVersion": "1.44"}
    return replace(host, engine=replace(host.engine, version=newer))


@pytest.mark.slow
def test_one_drift_among_many_hosts_is_reported_and_no_other() -> None:
    fleet = copies_of(50, "ol-web1")
    with simulated(
        fleet, [replace(DRIFTS[0], host="ol-web1-7", change=rename_container("openlibrary-web-1", "web"))]
    ) as simulation:
        report = run_audit(fleet, simulation.ssh_config)
    assert [host for _, host, _, _ in not_ok(report.findings)] == ["ol-web1-7"]


def test_files_of_a_simulation_are_removed_with_it() -> None:
    fleet = subset("ol-web1")
    with simulated(fleet) as simulation:
        folder = simulation.ssh_config.parent
        assert folder.is_dir()
    assert not folder.exists()
    with simulated(fleet) as other, simulated(fleet) as simulation:
        other_config = other.ssh_config.read_text(encoding="ascii")
        assert simulation.ssh_config.read_text(encoding="ascii") != other_config


def test_simulation_uses_no_ssh_files_of_the_user() -> None:
    with simulated(subset("ol-web1")) as simulation:
        text = simulation.ssh_config.read_text(encoding="ascii")
        key = simulation.ssh_config.parent / "key"
        assert key.stat().st_mode & 0o777 == 0o600
        assert "GlobalKnownHostsFile none" in text
        assert "IdentitiesOnly yes" in text
        assert text.count("HostName 127.0.0.1") == 1


def test_host_without_engine_has_no_docker_socket() -> None:
    fleet = subset("ol-mem0")
    with simulated(fleet) as simulation:
        spec = replace(fleet.hosts["ol-mem0"], sections={**fleet.hosts["ol-mem0"].sections, "docker": "required"})
        with_docker = replace(fleet, hosts={"ol-mem0": spec})
        collected = collect_answers(with_docker, simulation.ssh_config)
    assert "the Docker Engine is not running there" in str(dict(_answers(collected.hosts[0].outcome)))
