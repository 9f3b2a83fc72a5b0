"""Outcomes of the matrix: each run is audited once, for all of its rows."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.faults.row import Row
from tests.faults.rows import ROWS
from tests.faults.wave import Outcome, outcomes, runs
from tests.fleet.conftest import require_fleet
from tests.fleet.lab import Lab

_PROGRAMS = ("unshare", "sshd", "sudo", "docker", "pkill")

Audit = Callable[[Row], Outcome]


def require_root() -> None:
    """Skip where no real host can run; with OLAUDIT_REQUIRE_FLEET=1 fail, so that CI cannot skip it unseen."""
    lacking = [
        name
        for name in _PROGRAMS
        if shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin") is None
    ]
    reason = "the fault matrix needs root (mount and process namespaces)" if os.geteuid() else ""
    reason = reason or (f"the fault matrix needs {', '.join(lacking)}" if lacking else "")
    if reason and os.environ.get("OLAUDIT_REQUIRE_FLEET") == "1":
        pytest.fail(reason, pytrace=False)
    if reason:
        pytest.skip(reason)


def _audit(tmp_path_factory: pytest.TempPathFactory, lab: Lab | None = None) -> Audit:
    of_run = {row.id: run for run in runs(ROWS) for row in run}
    known: dict[str, Outcome] = {}

    def audit(row: Row) -> Outcome:
        if row.id not in known:
            folder = tmp_path_factory.mktemp("faults") / "run"
            known.update({one.row.id: one for one in outcomes(of_run[row.id], folder, lab)})
        return known[row.id]

    return audit


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """Give what audits the run of a row, once."""
    return _audit(tmp_path_factory)


@pytest.fixture(scope="module")
def audit_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audit]:
    """Give what audits the run of a row on the lab, once."""
    require_fleet()
    with Lab(only=frozenset(row.role for row in ROWS if row.lab)) as lab:
        yield _audit(tmp_path_factory, lab)
