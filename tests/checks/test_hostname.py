from __future__ import annotations

import pytest

from olaudit.checks import hostname
from tests.checks.tables import Row, case, rows, run


@pytest.mark.parametrize("row", rows("hostname"), ids=case)
def test_recorded_answers_are_judged_as_recorded(row: Row) -> None:
    run(hostname.CHECKER, row)
