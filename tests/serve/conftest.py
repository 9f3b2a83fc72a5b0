from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from olaudit.model import Failure, FailureReason
from tests.cli.fleet import write_expected
from tests.serve.running import Toy, ready


@pytest.fixture
def expected(tmp_path: Path) -> Path:
    """Expected files of three hosts."""
    return write_expected(tmp_path / "expected", "ol-a", "ol-b", "ol-c")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A fleet with one drift and one host down; its files and what it answers stay as they are."""
    expected = write_expected(tmp_path_factory.mktemp("toy") / "expected", "ol-a", "ol-b", "ol-c")
    return Toy(expected, {"ol-b": "Minix", "ol-c": Failure(FailureReason.REFUSED, 'refuses "connections"\n')})


@pytest.fixture(scope="module")
def port(toy: Toy) -> Iterator[int]:
    with toy.served() as port:
        ready(port)
        yield port
