from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.transport import sshd


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Sshd]:
    """A plain sshd for every test that needs no special one."""
    with sshd.running(tmp_path_factory.mktemp("sshd") / "server") as one:
        yield one


@pytest.fixture(autouse=True)
def nobody_s_agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the developer's own agent and keys out of the tests."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
