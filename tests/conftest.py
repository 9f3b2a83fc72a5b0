"""How tests are shared among processes (`pytest -n auto`): a file at a time, and the machine's one lab to one.

And that a busy machine is no failure: Hypothesis takes no time of its examples.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# where a folder of it may not be searched, a missing command is "Permission denied" to shells and to `timeout`
os.environ["PATH"] = os.pathsep.join(
    folder for folder in os.environ["PATH"].split(os.pathsep) if os.access(folder or ".", os.X_OK)
)

usual = settings()  # on CI, Hypothesis' own for CI
settings.register_profile(
    "unhurried",
    usual,
    deadline=None,
    suppress_health_check=[*usual.suppress_health_check, HealthCheck.too_slow],
)
settings.load_profile("unhurried")


_IN_TURN = ("tests/fleet/", "tests/faults/test_slow_rows", "tests/faults/test_lab_rows")
"""Tests for one process: there is one lab, and a wave of faults on real hosts takes the whole machine."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # it is not typed
    """Keeps a file's tests together, for they share fixtures."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "lab" if file.startswith(_IN_TURN) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Share by file."""
    return ByFile(config, log)
