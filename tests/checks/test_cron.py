from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from olaudit.checks import cron
from olaudit.facts.cron import DAEMON
from olaudit.model import Answers, Facts, Unknown
from tests.checks.tables import Row, case, check_locally, check_row, rows, run_locally, spec_of

CRON = {"source": "/opt/openlibrary/olsystem/etc/cron.d"}


@pytest.mark.parametrize("row", rows("cron"), ids=case)
def test_recorded_answers_have_the_recorded_results(row: Row) -> None:
    check_row(cron.CHECKER, row)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"source": "cron.d"}, "is not a plain absolute path"),
        ({**CRON, "daemon": "yes"}, "valid boolean"),
        ({}, "Field required"),
    ],
)
def test_an_invalid_section_is_an_error(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec_of(cron.CHECKER, section)


def test_the_file_probe_runs_on_this_machine(tmp_path: Path) -> None:
    source, into = tmp_path / "olsystem", tmp_path / "cron.d"
    source.mkdir()
    into.mkdir()
    for name in ("linked", "copied", "changed", "missing", "name.with.dot", ".placeholder"):
        (source / name).write_text(f"# {name}\n", encoding="ascii")
    (into / "linked").symlink_to("../olsystem/linked")
    (into / "name.with.dot").symlink_to(source / "name.with.dot")
    (into / "copied").write_text("# copied\n", encoding="ascii")
    (into / "changed").write_text("# changed again\n", encoding="ascii")
    (into / "copied").chmod(0o622)
    section = {"source": str(source), "into": str(into), "daemon": False}
    results = {Path(result.subject).name: result for result in check_locally(cron.CHECKER, section)}
    assert results["missing"].observed == "absent"
    assert results["changed"].observed.startswith("differs from ")
    assert results["copied"].observed.endswith("is writable by group or others (mode 0622)")
    assert results["name.with.dot"].observed.startswith("has a name with characters other than letters")
    assert ("linked" in results) is (os.geteuid() != 0)  # root owns the files only if the test runs as root
    assert ".placeholder" not in results


def test_the_daemon_probe_runs_on_this_machine() -> None:
    facts = Facts(Answers({DAEMON.probe: run_locally(DAEMON.probe)}))
    assert not isinstance(facts[DAEMON], Unknown)
