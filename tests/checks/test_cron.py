from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from olaudit.checks import cron
from olaudit.model import Answered, Answers, Unanswered, Verdict
from tests.checks.tables import Row, case, check_row, hostile_answers, rows, run_locally, spec_of

CRON = {"source": "/opt/openlibrary/olsystem/etc/cron.d"}


@pytest.mark.parametrize("row", rows("cron"), ids=case)
def test_recorded_answers_are_judged_as_recorded(row: Row) -> None:
    check_row(cron.CHECKER, row)


@given(data=st.data())
def test_whatever_a_host_answers_is_judged(data: st.DataObject) -> None:
    spec = spec_of(cron.CHECKER, CRON)
    for result in cron.evaluate(spec, data.draw(hostile_answers("cron", cron.probes(spec)))):
        assert result.check == "cron.files"
        assert (result.fix is None) or result.verdict is Verdict.DRIFT


def test_what_is_not_answered_is_unknown_and_never_ok() -> None:
    spec = spec_of(cron.CHECKER, CRON)
    answers = Answers({probe: Unanswered("timed out") for probe in cron.probes(spec)})
    judged = list(cron.evaluate(spec, answers))
    assert [(one.subject, one.verdict) for one in judged] == [
        ("cron", Verdict.UNKNOWN),
        (CRON["source"], Verdict.UNKNOWN),
    ]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"source": "cron.d"}, "is not a plain absolute path"),
        ({**CRON, "daemon": "yes"}, "valid boolean"),
        ({}, "Field required"),
    ],
)
def test_a_section_that_makes_no_sense_is_an_error(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec_of(cron.CHECKER, section)


def test_this_machine_understands_the_questions(tmp_path: Path) -> None:
    source, into = tmp_path / "olsystem", tmp_path / "cron.d"
    source.mkdir()
    into.mkdir()
    for name in ("linked", "copied", "changed", "missing", "name.with.dot", ".placeholder"):
        (source / name).write_text(f"# {name}\n", encoding="ascii")
    (into / "linked").symlink_to("../olsystem/linked")
    (into / "name.with.dot").symlink_to(source / "name.with.dot")
    (into / "copied").write_text("# copied\n", encoding="ascii")
    (into / "changed").write_text("# and more\n", encoding="ascii")
    (into / "copied").chmod(0o622)
    spec = spec_of(cron.CHECKER, {"source": str(source), "into": str(into), "daemon": False})
    judged = {
        Path(one.subject).name: one
        for one in cron.evaluate(spec, Answers({cron.look(spec): run_locally(cron.look(spec))}))
    }
    assert judged["missing"].observed == "absent"
    assert judged["changed"].observed.startswith("differs from ")
    assert judged["copied"].observed.endswith("may be written by others (mode 0622)")
    assert judged["name.with.dot"].observed.startswith("has a name with more than letters")
    assert ("linked" in judged) is (os.geteuid() != 0)  # as anybody else these are not root's
    assert ".placeholder" not in judged


def test_this_machine_lists_processes_with_their_parents() -> None:
    answer = run_locally(cron.DAEMONS)
    assert isinstance(answer, Answered)
    assert cron._PROCESS.fullmatch(answer.stdout.split("\n")[0])
