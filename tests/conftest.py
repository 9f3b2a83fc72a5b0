"""Configuration of pytest: distribution among processes (`pytest -n auto`), and Hypothesis without deadlines.

Tests are distributed by file. All tests that use the lab run in one process, because a machine has only one lab. A
slow example of Hypothesis is not a failure, because the machine can be busy.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# with an unsearchable folder in PATH, shells and `timeout` report a missing command as "Permission denied"
os.environ["PATH"] = os.pathsep.join(
    folder for folder in os.environ["PATH"].split(os.pathsep) if os.access(folder or ".", os.X_OK)
)

default = settings()  # on CI, the profile of Hypothesis for CI
settings.register_profile(
    "no-deadline",
    default,
    deadline=None,
    suppress_health_check=[*default.suppress_health_check, HealthCheck.too_slow],
)
settings.load_profile("no-deadline")


_ONE_PROCESS = ("tests/fleet/", "tests/faults/test_slow_rows", "tests/faults/test_lab_rows")
"""Tests that run in one process: they share the lab, or use all of the machine's resources."""


class FileScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no type hints
    """Scheduler that runs the tests of a file in one process, because they share fixtures."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "lab" if file.startswith(_ONE_PROCESS) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileScheduling:
    """Return the scheduler of pytest-xdist."""
    return FileScheduling(config, log)
