from __future__ import annotations

import pytest
from pydantic import ValidationError

from olaudit.checks import package
from tests.checks.tables import Row, case, check_row, rows, spec_of


@pytest.mark.parametrize("row", rows("package"), ids=case)
def test_recorded_answers_give_the_recorded_results(row: Row) -> None:
    check_row(package.CHECKER, row)


@pytest.mark.parametrize("name", ["*", "-l", "lib?"])
def test_package_name_cannot_be_a_pattern_or_an_option(name: str) -> None:
    with pytest.raises(ValidationError, match="match pattern"):
        spec_of(package.CHECKER, {name: {}})
