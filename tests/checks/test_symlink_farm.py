from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from olaudit.checks import symlink_farm
from olaudit.model import Answers, Severity, Unanswered, Verdict
from tests.checks.tables import Row, case, check_row, hostile_answers, rows, run_locally, spec_of

FARM = {"source": "/opt/openlibrary/olsystem/etc", "into": "/etc"}


@pytest.mark.parametrize("row", rows("symlink_farm"), ids=case)
def test_recorded_answers_are_judged_as_recorded(row: Row) -> None:
    check_row(symlink_farm.CHECKER, row)


@given(data=st.data())
def test_whatever_a_host_answers_is_judged(data: st.DataObject) -> None:
    spec = spec_of(symlink_farm.CHECKER, FARM)
    answers = data.draw(hostile_answers("symlink_farm", symlink_farm.probes(spec)))
    for result in symlink_farm.evaluate(spec, answers):
        assert result.check == "symlink.farm"
        assert (result.fix is None) or result.verdict is Verdict.DRIFT


def test_what_is_not_answered_is_unknown_and_never_ok() -> None:
    spec = spec_of(symlink_farm.CHECKER, FARM)
    answers = Answers({symlink_farm.farm_probe(spec): Unanswered("timed out")})
    assert [one.verdict for one in symlink_farm.evaluate(spec, answers)] == [Verdict.UNKNOWN]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"source": "etc", "into": "/etc"}, "is not a plain absolute path"),
        ({"source": "/opt", "into": "/etc/"}, "is not a plain absolute path"),
        ({**FARM, "exceptions": []}, "Extra inputs are not permitted"),
        ({"into": "/etc"}, "Field required"),
    ],
)
def test_a_section_that_makes_no_sense_is_an_error(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec_of(symlink_farm.CHECKER, section)


def test_the_five_ways_not_to_be_linked_are_told_apart_by_this_machine(tmp_path: Path) -> None:
    source, into = tmp_path / "olsystem/etc", tmp_path / "etc"
    names = ("missing", "wrong", "dangling", "equal", "differs", "right", "whole/folder", "left/out")
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name, encoding="ascii")
    into.mkdir()
    for name, target in {"wrong": "differs", "dangling": "nothing", "right": "../olsystem/etc/right"}.items():
        (into / name).symlink_to(target)
    (into / "whole").symlink_to(source / "whole")
    (into / "equal").write_text("equal", encoding="ascii")
    (into / "differs").write_text("hot patch", encoding="ascii")
    spec = spec_of(symlink_farm.CHECKER, {"source": str(source), "into": str(into), "except": ["left"]})
    judged = symlink_farm.evaluate(spec, Answers({symlink_farm.farm_probe(spec): run_locally(symlink_farm.look(spec))}))
    assert [(Path(one.subject).name, one.observed, one.severity) for one in judged] == [
        ("dangling", "a link to nothing", None),
        ("differs", "another copy", None),
        ("equal", "an equal copy", Severity.WARNING),
        ("missing", "absent", None),
        ("wrong", f"{into}/differs", None),
    ]


def test_a_farm_of_a_thousand_files_stays_far_below_what_an_answer_may_be(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / f"a-file-with-quite-a-long-name-{number}").touch()
    spec = spec_of(symlink_farm.CHECKER, {"source": str(tmp_path), "into": "/etc"})
    answer = run_locally(symlink_farm.farm_probe(spec))
    assert len(str(answer)) < 1 << 18
    (result,) = symlink_farm.evaluate(spec, Answers({symlink_farm.farm_probe(spec): answer}))
    assert result.observed == "none linked"
