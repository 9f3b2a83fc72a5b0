"""Disks, packages and services of a simulated machine are described as by the real programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from types import MappingProxyType

import pytest

from olaudit.checks import clock, disk, package, release, service
from olaudit.checks.service import ServiceSpec
from olaudit.demo import system
from olaudit.demo.commands import run
from olaudit.demo.drifts import Drift
from olaudit.demo.files import DIRECTORY, Files, file
from olaudit.demo.fleet import simulated
from olaudit.demo.machine import Disk, Machine
from olaudit.model import Answered, Answers, Verdict
from tests.checks.tables import spec_of
from tests.demo.auditing import run_audit, subset


def _machine() -> Machine:
    return Machine(hostname="ol-web1", files=Files(), processes=(), engine=None, memcached=MappingProxyType({}))


def _real(argv: tuple[str, ...]) -> Answered:
    done = subprocess.run(argv, capture_output=True, check=False, timeout=20, env={**os.environ, "LC_ALL": "C"})
    return Answered(done.stdout.decode(), done.stderr.decode().rstrip("\n"), done.returncode)


def _df(path: str) -> tuple[str, ...]:
    (probe,) = disk.probes({path: disk.DiskSpec()})
    return probe.argv


def test_df_prints_a_row_as_coreutils_does() -> None:
    real = _real(_df("/"))
    free, inodes, free_inodes, mount = real.stdout.split("\n")[1].split()
    mounted = Disk(free=int(free), inodes=int(inodes), free_inodes=int(free_inodes))
    machine = replace(_machine(), disks=MappingProxyType({mount: mounted}))
    assert run(machine, _df("/")) == real


def test_df_fails_as_coreutils_does() -> None:
    assert run(_machine(), _df("/nonexistent")) == _real(_df("/nonexistent"))


def test_df_prints_the_mount_point_of_a_path() -> None:
    files = Files().put("/1/opt", DIRECTORY).put("/10", DIRECTORY)
    machine = replace(_machine(), files=files, disks=MappingProxyType({"/": Disk(), "/1": Disk(free=7)}))
    mounts = {path: run(machine, _df(path)).stdout.split()[-1] for path in ("/", "/1", "/1/opt", "/10")}
    assert mounts == {"/": "/", "/1": "/1", "/1/opt": "/1", "/10": "/"}


def test_dpkg_query_lists_packages_as_dpkg_does() -> None:
    if not shutil.which("dpkg-query"):
        pytest.skip("there is no dpkg on this machine")
    (probe,) = package.probes({"dpkg": package.PackageSpec(), "no-such-package": package.PackageSpec()})
    real = _real(probe.argv)
    version = real.stdout.split("\t")[1]
    assert run(replace(_machine(), packages=MappingProxyType({"dpkg": version})), probe.argv) == real


def test_missing_service_is_drift_and_running_one_is_ok() -> None:
    spec = {"docker": ServiceSpec(), "memcached": ServiceSpec()}
    (probe,) = service.probes(spec)
    machine = replace(_machine(), services=frozenset({"docker"}))
    results = service.evaluate(spec, Answers({probe: run(machine, probe.argv)}))
    assert [result.verdict for result in results] == [Verdict.OK, Verdict.DRIFT]


@pytest.mark.parametrize("argv", [("df", "/"), ("dpkg-query", "-l"), ("sh", "-c", "echo x")])
def test_unsupported_arguments_count_as_a_missing_program(argv: tuple[str, ...]) -> None:
    assert run(_machine(), argv).status == 127


def test_simulated_mountedexceeds_its_required_free_space() -> None:
    spec = spec_of(disk.CHECKER, {"/1": {"floor": "3 TiB", "inodes": 9_000_000}})
    machine = system.disks(_machine(), spec)
    answers = Answers({probe: run(machine, probe.argv) for probe in disk.probes(spec)})
    assert [result.verdict for result in disk.evaluate(spec, answers)] == [Verdict.OK]


_ALWAYS = {("disk.free", "/")}


def _broken(machine: Machine) -> Machine:
    return replace(
        machine,
        files=machine.files.put("/etc/os-release", file('ID=ubuntu\nVERSION_ID="16.04"\n')),
        disks=MappingProxyType({"/": Disk(free=1 << 20)}),
        packages=MappingProxyType({}),
        services=frozenset(),
    )


@pytest.mark.parametrize(
    ("host", "drifting"),
    [
        (
            "ol-mem0",
            {*_ALWAYS, ("host.os", "os"), ("package.version", "memcached"), ("service.state", "memcached")},
        ),
        ("ol-db1", {*_ALWAYS, ("host.os", "os"), ("service.state", "postgresql")}),
        (
            "ol-web1",
            {*_ALWAYS, ("package.version", "git"), ("package.version", "docker-ce"), ("service.state", "docker")},
        ),
    ],
)
def test_broken_machine_is_reported_over_ssh(host: str, drifting: set[tuple[str, str]]) -> None:
    drift = Drift(host=host, description="", findings=tuple(drifting), change=_broken)
    with simulated(subset(host), (drift,)) as simulation:
        findings = run_audit(subset(host), simulation.ssh_config).findings
    check_ids = {
        check.id for checker in (clock, disk, package, release, service) for check in checker.CHECKER.checks
    }
    own = [finding for finding in findings if finding.check in check_ids]
    assert {(finding.check, finding.subject) for finding in own if finding.verdict is Verdict.DRIFT} == drifting
    assert {finding.verdict for finding in own} == {Verdict.OK, Verdict.DRIFT}
    assert [finding.verdict for finding in own if finding.check == "clock.skew"] == [Verdict.OK]
