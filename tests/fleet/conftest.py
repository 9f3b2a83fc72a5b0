"""The real fleet as fixtures: one lab for the whole test session, and one with a host that systemd runs."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet import snapshot
from tests.fleet.auditing import Auditor, resolve_as_the_fleet_does
from tests.fleet.host import LabHost
from tests.fleet.lab import Lab
from tests.fleet.place import missing
from tests.fleet.unit_host import MACHINE, PLACE, write_expected


def require_fleet() -> None:
    """Skip where no lab can run; with OLAUDIT_REQUIRE_FLEET=1 fail, so that CI can't skip it unseen."""
    if reason := missing():
        if os.environ.get("OLAUDIT_REQUIRE_FLEET") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Give the running fleet; tests put back what they change (`LabHost.drift` and the faults do)."""
    require_fleet()
    with Lab() as running:
        yield running


@pytest.fixture
def names(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give the names that the auditor's resolver knows; a test may add some that linger there."""
    return resolve_as_the_fleet_does(lab, monkeypatch)


@pytest.fixture
def audit(lab: Lab, capsys: pytest.CaptureFixture[str], names: dict[str, str]) -> Auditor:
    """Give what audits the lab."""
    assert names
    return Auditor(lab, capsys)


@pytest.fixture(scope="session")
def unit_lab() -> Iterator[Lab]:
    """Give the second lab, whose one host has systemd as process 1."""
    require_fleet()
    before = snapshot.machine()
    with Lab(PLACE, machines=(MACHINE,)) as running:
        assert snapshot.differences(before, snapshot.machine()) == {}, (
            "the host must not touch the machine it is on"
        )
        yield running


@pytest.fixture
def host(unit_lab: Lab) -> LabHost:
    """Give the host with systemd."""
    return unit_lab.hosts[MACHINE.name]


@pytest.fixture
def audit_units(
    unit_lab: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Auditor:
    """Give what audits the host by expected files with a section of every kind, and with all checks."""
    resolve_as_the_fleet_does(unit_lab, monkeypatch)
    return Auditor(unit_lab, capsys, write_expected(tmp_path / "expected"), without=())
