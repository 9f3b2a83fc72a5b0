from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from olaudit.checks import symlink_farm
from olaudit.model import Answers, Facts, Severity
from tests.checks.tables import Row, case, check_locally, check_row, rows, run_locally, spec_of

FARM = {"source": "/opt/openlibrary/olsystem/etc", "into": "/etc"}


@pytest.mark.parametrize("row", rows("symlink_farm"), ids=case)
def test_recorded_answers_give_the_recorded_results(row: Row) -> None:
    check_row(symlink_farm.CHECKER, row)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"source": "etc", "into": "/etc"}, "is not a plain absolute path"),
        ({"source": "/opt", "into": "/etc/"}, "is not a plain absolute path"),
        ({**FARM, "exceptions": []}, "Extra inputs are not permitted"),
        ({"into": "/etc"}, "Field required"),
    ],
)
def test_invalid_section_is_an_error(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec_of(symlink_farm.CHECKER, section)


def test_states_of_unlinked_files_are_distinguished(tmp_path: Path) -> None:
    source, into = tmp_path / "olsystem/etc", tmp_path / "etc"
    names = ("missing", "wrong", "dangling", "equal", "differs", "right", "linked/folder", "excluded/file")
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name, encoding="ascii")
    into.mkdir()
    for name, target in {"wrong": "differs", "dangling": "nothing", "right": "../olsystem/etc/right"}.items():
        (into / name).symlink_to(target)
    (into / "linked").symlink_to(source / "linked")
    (into / "equal").write_text("equal", encoding="ascii")
    (into / "differs").write_text("hot patch", encoding="ascii")
    section = {"source": str(source), "into": str(into), "except": ["excluded"]}
    results = check_locally(symlink_farm.CHECKER, section)
    assert [(Path(result.subject).name, result.observed, result.severity) for result in results] == [
        ("dangling", "a dangling link", Severity.CRITICAL),
        ("differs", "a different copy", Severity.CRITICAL),
        ("equal", "an equal copy", Severity.WARNING),
        ("missing", "absent", Severity.CRITICAL),
        ("wrong", f"{into}/differs", Severity.CRITICAL),
    ]


def test_answer_for_a_thousand_files_is_below_256_kib(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / f"a-file-with-quite-a-long-name-{number}").touch()
    spec = spec_of(symlink_farm.CHECKER, {"source": str(tmp_path), "into": "/etc"})
    (probe,) = symlink_farm.CHECKER.probes(spec)
    answer = run_locally(probe)
    assert len(str(answer)) < 1 << 18
    (result,) = symlink_farm.evaluate(spec, Facts(Answers({probe: answer})))
    assert result.observed == "none linked"
