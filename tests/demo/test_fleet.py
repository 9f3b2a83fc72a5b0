from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from olaudit.demo.comparison import compare_findings
from olaudit.demo.drifts import DRIFTS, Drift, empty_folder, redirect_link, rename_container, set_memory_limit
from olaudit.demo.faults import HostFault
from olaudit.demo.fleet import simulated
from olaudit.demo.machine import Machine
from olaudit.model import Answers, EngineQuery, FailureReason, Verdict
from tests.demo.auditing import (
    TIMEOUT_SECONDS,
    collect_answers,
    copies_of,
    not_ok,
    run_audit,
    shipped_fleet,
    subset,
)


def test_a_fleet_without_drifts_is_as_expected_in_every_check() -> None:
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
    assert not_ok(report.findings) == [(verdict, drift.host, *found) for found in drift.findings]


def test_all_drifts_together_are_found_and_nothing_else() -> None:
    with simulated(shipped_fleet(), DRIFTS) as simulation:
        report = run_audit(shipped_fleet(), simulation.ssh_config)
        found = compare_findings(report, simulation.drifts)
    assert simulation.drifts == DRIFTS
    assert found.is_exact


def test_drifts_that_do_not_fit_a_fleet_are_left_out() -> None:
    fleet = subset("ol-dev", "ol-mem0")
    elsewhere = [replace(drift, host=host, fault=None) for drift in DRIFTS for host in ("ol-dev", "ol-nowhere")]
    unfit = [drift for drift in elsewhere if drift.findings[0][0].startswith(("container", "memcached"))]
    changes = (empty_folder("/nowhere"), redirect_link("/x", "/y"), rename_container("jenkins", "x"))
    bare = [replace(DRIFTS[0], host="ol-mem0", change=change) for change in changes]
    with simulated(fleet, [*unfit, *bare]) as simulation:
        assert simulation.drifts == ()


def test_the_demos_drifts_are_of_different_kinds() -> None:
    assert len({drift.findings[0][0] for drift in DRIFTS}) == len(DRIFTS)


def test_what_was_missed_and_what_came_as_a_surprise_is_told_apart() -> None:
    fleet = subset("ol-mem1")
    put_in = replace(DRIFTS[3], host="ol-mem1", change=set_memory_limit(64))
    with simulated(fleet, [put_in]) as simulation:
        report = run_audit(fleet, simulation.ssh_config)
    found = compare_findings(report, [replace(put_in, findings=(("host.hostname", "hostname"),))])
    assert not found.is_exact
    assert found.missing == (("ol-mem1", "host.hostname", "hostname"),)
    assert [one.check for one in found.unexpected] == ["memcached.configured"]


def test_what_containers_carry_in_their_environment_stays_there() -> None:
    fleet = subset("ol-home0")
    with simulated(fleet) as simulation:
        engine = simulation.machines["ol-home0"].engine
        collected = collect_answers(fleet, simulation.ssh_config)
    assert engine
    assert "never-to-be-seen" in str(engine)
    said = str(dict(_answers(collected.hosts[0].outcome)))
    assert "openlibrary-importbot-1" in said
    assert "never-to-be-seen" not in said


def _answers(outcome: object) -> Answers:
    assert isinstance(outcome, Answers)
    return outcome


@pytest.mark.parametrize(
    ("fault", "reason", "says"),
    [
        (HostFault.PORT_CLOSED, FailureReason.REFUSED, "refuses connections"),
        (HostFault.CLOSES_CONNECTION, FailureReason.SSH, "closed 4 connections before its SSH greeting"),
        (HostFault.SENDS_NO_GREETING, FailureReason.TIMEOUT, "no SSH greeting came"),
        (HostFault.OTHER_HOST_KEY, FailureReason.HOSTKEY, "CHANGED"),
        (HostFault.REFUSES_LOGIN, FailureReason.AUTH, "did not let audit in"),
        (HostFault.RUNS_NO_COMMAND, FailureReason.TIMEOUT, "answers nothing"),
    ],
)
def test_a_host_that_fails_gives_its_reason(fault: HostFault, reason: FailureReason, says: str) -> None:
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
    assert says in failure.message
    assert reason.value in fault.value


def test_a_hanging_engine_costs_its_own_answers_alone() -> None:
    fleet = subset("ol-web1")
    with simulated(fleet, faults={"ol-web1": HostFault.DOCKER_HANGS}) as simulation:
        report = run_audit(fleet, simulation.ssh_config, timeout=2.5)
    checkers = {check.partition(".")[0] for _, _, check, _ in not_ok(report.findings)}
    assert checkers == {"container", "docker"}
    assert all(one.verdict is not Verdict.DRIFT for one in report.findings)
    assert report.hosts[0].failure is None


def test_where_streams_are_not_forwarded_the_docker_command_carries_them() -> None:
    fleet = subset("ol-home0")
    with simulated(fleet, faults={"ol-home0": HostFault.NO_FORWARDING}) as simulation:
        report = run_audit(fleet, simulation.ssh_config)
    assert not_ok(report.findings) == []


def test_without_forwarding_and_without_the_docker_command_containers_are_unknown() -> None:
    fleet = subset("ol-web1")
    with simulated(fleet, faults={"ol-web1": HostFault.NO_DOCKER_COMMAND}) as simulation:
        report = run_audit(fleet, simulation.ssh_config)
    messages = {one.message for one in report.findings if one.verdict is Verdict.UNKNOWN}
    assert messages
    assert all("no Docker there" in message for message in messages)


def test_an_engine_too_new_for_the_first_try_is_asked_in_its_own_version() -> None:
    newer = Drift(host="ol-web1", description="", findings=(), change=_newer)
    fleet = subset("ol-web1")
    with simulated(fleet, [newer]) as simulation:
        report = run_audit(fleet, simulation.ssh_config)
    assert not_ok(report.findings) == []


def _newer(machine: Machine) -> Machine:
    assert machine.engine
    return replace(machine, engine=replace(machine.engine, version="29.1.0", api="1.52", min_api="1.44"))


def test_one_drift_among_many_hosts_is_found_and_nothing_else() -> None:
    fleet = copies_of(50, "ol-web1")
    with simulated(
        fleet, [replace(DRIFTS[0], host="ol-web1-7", change=rename_container("openlibrary-web-1", "web"))]
    ) as one:
        report = run_audit(fleet, one.ssh_config)
    assert [host for _, host, _, _ in not_ok(report.findings)] == ["ol-web1-7"]


def test_nothing_is_left_when_the_fleet_has_gone() -> None:
    fleet = subset("ol-web1")
    with simulated(fleet) as simulation:
        folder = simulation.ssh_config.parent
        assert folder.is_dir()
    assert not folder.exists()
    with simulated(fleet) as other, simulated(fleet) as simulation:
        kept = other.ssh_config.read_text(encoding="ascii")
        assert simulation.ssh_config.read_text(encoding="ascii") != kept


def test_hosts_keys_and_files_are_the_simulations_own() -> None:
    with simulated(subset("ol-web1")) as simulation:
        text = simulation.ssh_config.read_text(encoding="ascii")
        key = simulation.ssh_config.parent / "key"
        assert key.stat().st_mode & 0o777 == 0o600
        assert "GlobalKnownHostsFile none" in text
        assert "IdentitiesOnly yes" in text
        assert text.count("HostName 127.0.0.1") == 1


def test_machines_are_values() -> None:
    with simulated(subset("ol-web1")) as simulation:
        assert isinstance(simulation.machines, MappingProxyType)


@pytest.mark.parametrize(
    ("command", "status", "stdout"),
    [
        (("uname", "-n"), 0, "ol-mem0\n"),
        (("nosuch",), 127, ""),
        (("exec", "docker", "system", "dial-stdio"), 127, ""),
    ],
)
def test_openssh_itself_may_visit(command: tuple[str, ...], status: int, stdout: str) -> None:
    with simulated(subset("ol-mem0")) as simulation:
        visit = _ssh(simulation.ssh_config, *command)
    assert (visit.returncode, visit.stdout) == (status, stdout)
    assert ("not found" in visit.stderr or "No such file" in visit.stderr) is (status == 127)


def _ssh(config: Path, *command: str) -> subprocess.CompletedProcess[str]:
    if not shutil.which("ssh"):
        pytest.skip("there is no OpenSSH client on this machine")
    argv = ["ssh", "-F", str(config), "-o", "BatchMode=yes", "ol-mem0", *command]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30, stdin=subprocess.DEVNULL)


def test_the_engines_socket_is_only_where_an_engine_is() -> None:
    fleet = subset("ol-mem0")
    with simulated(fleet) as simulation:
        machine = simulation.machines["ol-mem0"]
        assert machine.engine is None
        spec = replace(fleet.hosts["ol-mem0"], sections={**fleet.hosts["ol-mem0"].sections, "docker": "required"})
        asked_for = replace(fleet, hosts={"ol-mem0": spec})
        collected = collect_answers(asked_for, simulation.ssh_config)
    answer = _answers(collected.hosts[0].outcome)[EngineQuery.VERSION]
    assert "the Docker Engine is not running there" in str(answer)
