from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from olaudit.checks import path
from olaudit.model import Command
from tests.checks.tables import Row, case, check_locally, check_row, rows, spec_of


@pytest.mark.parametrize("row", rows("path"), ids=case)
def test_recorded_answers_give_the_recorded_results(row: Row) -> None:
    check_row(path.CHECKER, row)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("opt", "is not a plain absolute path"),
        ("/opt/", "is not a plain absolute path"),
        ("//opt", "is not a plain absolute path"),
        ("/opt/../etc", "is not a plain absolute path"),
        ("/opt/a\nb", "holds a control character"),
        ("/opt/*/x.dat", "only the last component may contain"),
    ],
)
def test_ambiguous_path_is_an_error(name: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec_of(path.CHECKER, {name: {}})


@pytest.mark.parametrize(
    ("name", "rule", "message"),
    [
        ("/etc/*.conf", {"content": {"equals": "/etc/x"}}, "content can be compared for a single file only"),
        (
            "/etc",
            {"type": "directory", "content": {"equals": "/etc/x"}},
            "only a file that is not forbidden can have",
        ),
        (
            "/etc/x",
            {"presence": "forbidden", "content": {"equals": "/etc/y"}},
            "only a file that is not forbidden",
        ),
        ("/etc/x", {"content": {"equals": "y"}}, "is not a plain absolute path"),
        ("/etc/x", {"content": {}}, "Field required"),
    ],
)
def test_content_that_cannot_be_compared_is_an_error(name: str, rule: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec_of(path.CHECKER, {name: rule})


def test_cmp_of_this_machine_compares_contents(tmp_path: Path) -> None:
    for name, text in {"source": "a\nb\n", "same": "a\nb\n", "more": "a\nb\nc\n", "other": "a\nc\n"}.items():
        (tmp_path / name).write_text(text, encoding="ascii")
    equals = {"content": {"equals": f"{tmp_path}/source"}}
    results = check_locally(path.CHECKER, {f"{tmp_path}/{name}": equals for name in ("same", "more", "other")})
    verdicts = [result.verdict.value for result in results if result.check is path.CONTENT]
    assert verdicts == ["ok", "drift", "drift"]


@pytest.mark.parametrize("rule", [{"mode": "0999"}, {"mode": 755}, {"owner": "a b"}, {"kind": "file"}])
def test_invalid_rule_is_an_error(rule: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        spec_of(path.CHECKER, {"/opt": rule})


def test_plain_paths_share_two_probes_and_each_glob_has_one() -> None:
    spec = spec_of(path.CHECKER, {"/opt": {}, "/etc": {}, "/opt/*.dat": {}, "/etc/*.d": {}})
    probes = path.CHECKER.probes(spec)
    assert len(probes) == 4
    assert all(isinstance(probe, Command) and probe.may_hang for probe in probes)


def test_stat_and_find_of_this_machine_are_parsed(tmp_path: Path) -> None:
    (tmp_path / "it's a\\file").touch(0o640)
    (tmp_path / "dangling").symlink_to("nothing")
    (tmp_path / "linked").symlink_to(tmp_path)
    (tmp_path / "loops").mkdir()
    (tmp_path / "loops/up").symlink_to("..")
    (tmp_path / "loops/file").symlink_to("../it's a\\file")
    section = {
        f"{tmp_path}/it's a\\file": {"type": "file", "mode": "0640"},
        f"{tmp_path}/linked": {"type": "directory"},
        f"{tmp_path}/dangling": {},
        f"{tmp_path}/caf\u00e9": {"presence": "forbidden"},
        f"{tmp_path}/linked/it*": {"type": "file", "mode": "0640"},
        f"{tmp_path}/linked/loops/*": {},
        f"{tmp_path}/linked/loops/f*": {"type": "file", "mode": "0640"},
    }
    results = check_locally(path.CHECKER, section)
    assert [(result.check.id, result.observed) for result in results] == [
        ("path.missing", "present"),
        ("path.type", "file"),
        ("path.mode", "0640"),
        ("path.missing", "present"),
        ("path.type", "directory"),
        ("path.missing", "a dangling link"),
        ("path.forbidden", "absent"),
        ("path.missing", "present"),
        ("path.type", "file"),
        ("path.mode", "0640"),
        ("path.missing", "present"),
        ("path.missing", "present"),
        ("path.type", "file"),
        ("path.mode", ""),
    ]
