from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from olaudit.checks import path
from olaudit.model import Answers
from tests.checks.tables import Row, case, check_row, rows, run_locally, spec_of


@pytest.mark.parametrize("row", rows("path"), ids=case)
def test_recorded_answers_are_judged_as_recorded(row: Row) -> None:
    check_row(path.CHECKER, row)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("opt", "is not a plain absolute path"),
        ("/opt/", "is not a plain absolute path"),
        ("//opt", "is not a plain absolute path"),
        ("/opt/../etc", "is not a plain absolute path"),
        ("/opt/a\nb", "holds a control character"),
        ("/opt/*/x.dat", "only the last component may hold"),
    ],
)
def test_a_path_that_could_be_misread_is_an_error(name: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec_of(path.CHECKER, {name: {}})


@pytest.mark.parametrize(
    ("name", "rule", "message"),
    [
        ("/etc/*.conf", {"content": {"equals": "/etc/x"}}, "only the content of one file can be compared"),
        ("/etc", {"type": "directory", "content": {"equals": "/etc/x"}}, "only a file that may be there can have"),
        ("/etc/x", {"presence": "forbidden", "content": {"equals": "/etc/y"}}, "only a file that may be there"),
        ("/etc/x", {"content": {"equals": "y"}}, "is not a plain absolute path"),
        ("/etc/x", {"content": {}}, "Field required"),
    ],
)
def test_a_content_that_cannot_be_compared_is_an_error(name: str, rule: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec_of(path.CHECKER, {name: rule})


def test_this_machine_compares_contents(tmp_path: Path) -> None:
    for name, text in {"source": "a\nb\n", "same": "a\nb\n", "more": "a\nb\nc\n", "other": "a\nc\n"}.items():
        (tmp_path / name).write_text(text, encoding="ascii")
    equals = {"content": {"equals": f"{tmp_path}/source"}}
    spec = spec_of(path.CHECKER, {f"{tmp_path}/{name}": equals for name in ("same", "more", "other")})
    judged = path.evaluate(spec, Answers({probe: run_locally(probe) for probe in path.probes(spec)}))
    verdicts = [result.verdict.value for result in judged if result.check == "path.content"]
    assert verdicts == ["ok", "drift", "drift"]


@pytest.mark.parametrize("rule", [{"mode": "0999"}, {"mode": 755}, {"owner": "a b"}, {"kind": "file"}])
def test_a_rule_that_makes_no_sense_is_an_error(rule: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        spec_of(path.CHECKER, {"/opt": rule})


def test_all_plain_paths_cost_two_questions_and_each_glob_one() -> None:
    spec = spec_of(path.CHECKER, {"/opt": {}, "/etc": {}, "/opt/*.dat": {}, "/etc/*.d": {}})
    probes = list(path.probes(spec))
    assert len(probes) == 4
    assert all(probe.may_hang for probe in probes)


def test_this_machine_understands_the_questions(tmp_path: Path) -> None:
    (tmp_path / "it's a\\file").touch(0o640)
    (tmp_path / "gone").symlink_to("nothing")
    (tmp_path / "here").symlink_to(tmp_path)
    (tmp_path / "ways").mkdir()
    (tmp_path / "ways/up").symlink_to("..")
    (tmp_path / "ways/file").symlink_to("../it's a\\file")
    section = {
        f"{tmp_path}/it's a\\file": {"type": "file", "mode": "0640"},
        f"{tmp_path}/here": {"type": "directory"},
        f"{tmp_path}/gone": {},
        f"{tmp_path}/caf\u00e9": {"presence": "forbidden"},
        f"{tmp_path}/here/it*": {"type": "file", "mode": "0640"},
        f"{tmp_path}/here/ways/*": {},
        f"{tmp_path}/here/ways/f*": {"type": "file", "mode": "0640"},
    }
    spec = spec_of(path.CHECKER, section)
    judged = path.evaluate(spec, Answers({probe: run_locally(probe) for probe in path.probes(spec)}))
    assert [(result.check, result.observed) for result in judged] == [
        ("path.missing", "present"),
        ("path.type", "file"),
        ("path.mode", "0640"),
        ("path.missing", "present"),
        ("path.type", "directory"),
        ("path.missing", "a link to nothing"),
        ("path.forbidden", "absent"),
        ("path.missing", "present"),
        ("path.type", "file"),
        ("path.mode", "0640"),
        ("path.missing", "present"),
        ("path.missing", "present"),
        ("path.type", "file"),
        ("path.mode", ""),
    ]
