from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from olaudit.model import Failure, FailureReason
from tests.cli.fleet import write_expected
from tests.serve.harness import ServiceHarness, wait_until_ready


@pytest.fixture
def expected(tmp_path: Path) -> Path:
    """Expected files of three hosts."""
    return write_expected(tmp_path / "expected", "ol-a", "ol-b", "ol-c")


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> ServiceHarness:
    """A fleet with one drift and one unreachable host, which tests must not change."""
    expected = write_expected(tmp_path_factory.mktemp("harness") / "expected", "ol-a", "ol-b", "ol-c")
    refused = Failure(FailureReason.REFUSED, 'refuses "connections"\n')
    return ServiceHarness(expected, {"ol-b": "Minix", "ol-c": refused})


@pytest.fixture(scope="module")
def port(harness: ServiceHarness) -> Iterator[int]:
    with harness.serve() as port:
        wait_until_ready(port)
        yield port
