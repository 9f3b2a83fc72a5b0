from __future__ import annotations

import pytest

from olaudit.checks import docker
from olaudit.model import EngineVersion
from tests.checks.tables import Row, case, check_row, rows


@pytest.mark.parametrize("row", rows("docker"), ids=case)
def test_recorded_answers_have_the_recorded_results(row: Row) -> None:
    check_row(docker.CHECKER, row)


def test_the_engine_is_probed_only_where_it_is_required() -> None:
    assert EngineVersion() in docker.CHECKER.probes("required")
    assert EngineVersion() not in docker.CHECKER.probes("absent")
