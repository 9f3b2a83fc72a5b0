from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from olaudit.checks import symlink
from tests.checks.tables import Row, case, check_locally, check_row, rows, spec_of


@pytest.mark.parametrize("row", rows("symlink"), ids=case)
def test_recorded_answers_give_the_recorded_results(row: Row) -> None:
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
def test_ambiguous_path_is_an_error(link: str, target: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec_of(symlink.CHECKER, {link: {"target": target}})


def test_find_and_readlink_of_this_machine_are_parsed(tmp_path: Path) -> None:
    (tmp_path / "volume/deploys/0a1b2c3").mkdir(parents=True)
    (tmp_path / "opt").symlink_to("volume")
    (tmp_path / "opt/right").symlink_to("../volume/deploys/0a1b2c3")
    (tmp_path / "opt/dangling").symlink_to("deploys/1a1b2c3")
    links = ("right", "dangling", "missing", "deploys")
    accepted = {"value": f"{tmp_path}/opt/deploys/now", "accept": [f"{tmp_path}/opt/deploys/<commit>"]}
    section = {f"{tmp_path}/opt/{link}": {"target": accepted} for link in links}
    results = check_locally(symlink.CHECKER, section)
    assert [(result.check.id, result.verdict.value, result.observed) for result in results] == [
        ("symlink.target", "ok", "../volume/deploys/0a1b2c3"),
        ("symlink.dangling", "ok", "../volume/deploys/0a1b2c3"),
        ("symlink.dangling", "drift", "deploys/1a1b2c3"),
        ("symlink.target", "drift", "absent"),
        ("symlink.target", "drift", "a directory"),
    ]
