from __future__ import annotations

import pytest
from pydantic import ValidationError

from olaudit.checks import disk
from olaudit.model import Answers, Command, Facts, Verdict
from tests.checks.tables import Row, case, check_row, rows, run_locally, spec_of


@pytest.mark.parametrize("row", rows("disk"), ids=case)
def test_recorded_answers_have_the_recorded_results(row: Row) -> None:
    check_row(disk.CHECKER, row)


def test_each_path_has_its_own_probe_that_may_hang() -> None:
    probes = list(disk.CHECKER.probes({"/": disk.DiskSpec(), "/1": disk.DiskSpec()}))
    assert len(probes) == 2
    assert all(isinstance(probe, Command) and probe.may_hang for probe in probes)


def test_the_df_output_of_this_machine_is_parsed() -> None:
    spec = {"/": disk.DiskSpec(floor="0 B", inodes=0)}
    answers = Answers({probe: run_locally(probe) for probe in disk.CHECKER.probes(spec)})
    assert [result.verdict for result in disk.CHECKER.evaluate(spec, Facts(answers))] == [Verdict.OK]


def test_a_disk_cannot_be_forbidden() -> None:
    with pytest.raises(ValidationError, match="not forbidden"):
        spec_of(disk.CHECKER, {"/1": {"presence": "forbidden"}})
