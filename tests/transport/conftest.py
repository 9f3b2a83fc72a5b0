from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.transport import sshd


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Sshd]:
    """An sshd with the default configuration, shared by the tests of the session."""
    with sshd.running(tmp_path_factory.mktemp("sshd") / "server") as sshd_server:
        yield sshd_server


@pytest.fixture(autouse=True)
def isolated_agent_and_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the developer's agent and home directory from the environment."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
