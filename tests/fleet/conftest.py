"""The real fleet as fixtures: one lab for the whole test session."""

import os
from collections.abc import Iterator

import pytest

from tests.fleet.auditing import Auditor, resolve_as_the_fleet_does
from tests.fleet.lab import Lab
from tests.fleet.place import missing


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
