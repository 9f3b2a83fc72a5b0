from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.fleet import write_expected


@pytest.fixture
def expected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Expected files of three hosts in the default place, and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("OLAUDIT_EXPECTED", "NO_COLOR", "TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return write_expected(tmp_path / "expected", "ol-a", "ol-b", "ol-c")
