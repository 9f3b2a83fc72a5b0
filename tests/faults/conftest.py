"""Fixtures of the fault matrix: each run is audited once, for all of its rows."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.faults.row import Row
from tests.faults.rows import ROWS
from tests.faults.runs import RowResult, group_runs, run_rows
from tests.fleet.conftest import require_fleet
from tests.fleet.lab import Lab

_PROGRAMS = ("unshare", "sshd", "sudo", "docker", "pkill")

Audit = Callable[[Row], RowResult]


def require_root() -> None:
    """Skip the test if no real host can run; fail with OLAUDIT_REQUIRE_FLEET=1, so that CI cannot skip it."""
    unavailable = [
        name
        for name in _PROGRAMS
        if shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin") is None
    ]
    reason = "the fault matrix needs root (mount and process namespaces)" if os.geteuid() else ""
    reason = reason or (f"the fault matrix needs {', '.join(unavailable)}" if unavailable else "")
    if reason and os.environ.get("OLAUDIT_REQUIRE_FLEET") == "1":
        pytest.fail(reason, pytrace=False)
    if reason:
        pytest.skip(reason)


def _row_auditor(tmp_path_factory: pytest.TempPathFactory, lab: Lab | None = None) -> Audit:
    run_of_row = {row.id: run for run in group_runs(ROWS) for row in run}
    results: dict[str, RowResult] = {}

    def run_audit(row: Row) -> RowResult:
        if row.id not in results:
            folder = tmp_path_factory.mktemp("faults") / "run"
            results.update({result.row.id: result for result in run_rows(run_of_row[row.id], folder, lab)})
        return results[row.id]

    return run_audit


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """Return a function that audits the run of a row once."""
    return _row_auditor(tmp_path_factory)


@pytest.fixture(scope="module")
def audit_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audit]:
    """Return a function that audits the run of a row once, on the lab."""
    require_fleet()
    with Lab(only=frozenset(row.role for row in ROWS if row.lab)) as lab:
        yield _row_auditor(tmp_path_factory, lab)
