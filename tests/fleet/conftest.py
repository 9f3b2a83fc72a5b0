"""Fixtures of the real fleet: a lab for the whole test session, and a second lab with a systemd host."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet import snapshot
from tests.fleet.auditing import LabAuditor, use_fleet_resolver
from tests.fleet.host import LabHost
from tests.fleet.lab import Lab
from tests.fleet.layout import missing_requirement
from tests.fleet.systemd_host import LAYOUT, MACHINE, write_expected


def require_fleet() -> None:
    """Skip the test if no lab can run; with OLAUDIT_REQUIRE_FLEET=1 fail, so that CI cannot skip it unnoticed."""
    if reason := missing_requirement():
        if os.environ.get("OLAUDIT_REQUIRE_FLEET") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Start the fleet. Tests undo their changes, as `LabHost.drift` and the faults do."""
    require_fleet()
    with Lab() as running:
        yield running


@pytest.fixture
def dns_zone(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the zone of the auditor's resolver, to which tests may add names."""
    return use_fleet_resolver(lab, monkeypatch)


@pytest.fixture
def audit(lab: Lab, capsys: pytest.CaptureFixture[str], dns_zone: dict[str, str]) -> LabAuditor:
    """Return a callable that audits the lab."""
    assert dns_zone
    return LabAuditor(lab, capsys)


@pytest.fixture(scope="session")
def unit_lab() -> Iterator[Lab]:
    """Start the second lab, whose only host has systemd as process 1."""
    require_fleet()
    before = snapshot.machine()
    with Lab(LAYOUT, machines=(MACHINE,)) as running:
        assert snapshot.differences(before, snapshot.machine()) == {}, (
            "the host must not change the machine that it runs on"
        )
        yield running


@pytest.fixture
def host(unit_lab: Lab) -> LabHost:
    """Return the host with systemd."""
    return unit_lab.hosts[MACHINE.name]


@pytest.fixture
def audit_units(
    unit_lab: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> LabAuditor:
    """Return a callable that audits the systemd host: all sections in its expected files, no check skipped."""
    use_fleet_resolver(unit_lab, monkeypatch)
    return LabAuditor(unit_lab, capsys, write_expected(tmp_path / "expected"), skip_options=())
