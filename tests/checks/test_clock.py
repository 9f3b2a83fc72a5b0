from __future__ import annotations

import pytest
from pydantic import ValidationError

from olaudit.checks import clock
from olaudit.model import Facts, Verdict
from olaudit.transport import Deadline
from olaudit.transport.local import LocalTransport
from tests.checks.tables import Row, case, check_row, rows, spec_of


@pytest.mark.parametrize("row", rows("clock"), ids=case)
def test_recorded_answers_have_the_recorded_results(row: Row) -> None:
    check_row(clock.CHECKER, row)


def test_the_clock_of_this_machine_agrees_with_itself() -> None:
    spec = clock.ClockSpec()
    answers = LocalTransport().ask("localhost", tuple(clock.CHECKER.probes(spec)), Deadline.after(20))
    (result,) = clock.CHECKER.evaluate(spec, Facts(answers))
    assert result.verdict is Verdict.OK, result.message


def test_a_limit_of_zero_is_an_error() -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        spec_of(clock.CHECKER, {"limit_seconds": 0})
