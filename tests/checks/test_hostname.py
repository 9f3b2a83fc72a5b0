from __future__ import annotations

import pytest

from olaudit.checks import hostname
from tests.checks.tables import Row, case, check_row, rows


@pytest.mark.parametrize("row", rows("hostname"), ids=case)
def test_recorded_answers_give_the_recorded_results(row: Row) -> None:
    check_row(hostname.CHECKER, row)
