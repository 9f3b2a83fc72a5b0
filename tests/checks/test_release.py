from __future__ import annotations

import time

import pytest

from olaudit.checks import release
from olaudit.facts.os_release import RELEASE
from olaudit.model import Answered, Answers, Facts, Verdict
from tests.checks.tables import Row, case, check_row, rows


@pytest.mark.parametrize("row", rows("release"), ids=case)
def test_recorded_answers_give_the_recorded_results(row: Row) -> None:
    check_row(release.CHECKER, row)


@pytest.mark.parametrize("text", ["ID=" + "u" * 4_000_000, "ID=u" * 1_000_000, "ID='" + "u" * 4_000_000])
def test_huge_value_is_unknown_within_two_seconds(text: str) -> None:
    spec = release.OsSpec.model_validate({"id": "ubuntu", "version_id": "14.04"})
    started = time.process_time()
    (result,) = release.evaluate(spec, Facts(Answers({RELEASE.probe: Answered(text)})))
    assert result.verdict is Verdict.UNKNOWN
    assert time.process_time() - started < 2
