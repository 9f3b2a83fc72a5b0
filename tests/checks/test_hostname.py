from __future__ import annotations

import pytest

from olaudit.checks import hostname
from tests.checks.tables import Row, case, check_row, rows


@pytest.mark.parametrize("row", rows("hostname"), ids=case)
def test_recorded_answers_are_judged_as_recorded(row: Row) -> None:
    check_row(hostname.CHECKER, row)
