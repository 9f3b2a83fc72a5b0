"""How tests are shared among processes (`pytest -n auto`): a file at a time, and the machine's one lab to one."""

from __future__ import annotations

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # it is not typed
    """Keeps a file's tests together, for their fixtures are; and all of tests/fleet."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "lab" if file.startswith("tests/fleet/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Share by file."""
    return ByFile(config, log)
