from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from olaudit.checks import symlink
from olaudit.model import Answers
from tests.checks.tables import Row, case, check_row, rows, run_locally, spec_of


@pytest.mark.parametrize("row", rows("symlink"), ids=case)
def test_recorded_answers_are_judged_as_recorded(row: Row) -> None:
    check_row(symlink.CHECKER, row)


@pytest.mark.parametrize(
    ("link", "target", "message"),
    [
        ("opt", "/etc", "is not a plain absolute path"),
        ("/opt", "etc", "is not a plain absolute path"),
        ("/opt", "/a/../b", "is not a plain absolute path"),
        ("/opt", "/a\tb", "holds a control character"),
    ],
)
def test_a_path_that_could_be_misread_is_an_error(link: str, target: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec_of(symlink.CHECKER, {link: {"target": target}})


def test_this_machine_understands_the_questions(tmp_path: Path) -> None:
    (tmp_path / "volume/deploys/0a1b2c3").mkdir(parents=True)
    (tmp_path / "opt").symlink_to("volume")
    (tmp_path / "opt/right").symlink_to("../volume/deploys/0a1b2c3")
    (tmp_path / "opt/gone").symlink_to("deploys/1a1b2c3")
    links = ("right", "gone", "none", "deploys")
    accepted = {"value": f"{tmp_path}/opt/deploys/now", "accept": [f"{tmp_path}/opt/deploys/<commit>"]}
    spec = spec_of(symlink.CHECKER, {f"{tmp_path}/opt/{link}": {"target": accepted} for link in links})
    judged = symlink.evaluate(spec, Answers({probe: run_locally(probe) for probe in symlink.probes(spec)}))
    assert [(result.check, result.verdict.value, result.observed) for result in judged] == [
        ("symlink.target", "ok", "../volume/deploys/0a1b2c3"),
        ("symlink.dangling", "ok", "../volume/deploys/0a1b2c3"),
        ("symlink.dangling", "drift", "deploys/1a1b2c3"),
        ("symlink.target", "drift", "absent"),
        ("symlink.target", "drift", "a directory"),
    ]
