"""Recorded containers against expected ones: what is found, and what is ok, of each case of the tables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from olaudit.checks.container import CHECKER, evaluate
from olaudit.model import Verdict
from tests.checks.container.engine import HERE, RECORDED_AT, answers, inspect, specs

TABLES = {path.stem: json.loads(path.read_text()) for path in sorted((HERE / "cases").glob("*.json"))}
CASES = [pytest.param(row, id=f"{table}: {row['case']}") for table, rows in TABLES.items() for row in rows]


@pytest.mark.parametrize("row", CASES)
def test_judges(row: dict[str, Any]) -> None:
    containers = [inspect(**container) for container in row["containers"]]
    made = evaluate(
        specs(*row["expected"]), answers(containers, row.get("clock", RECORDED_AT), row.get("changes"))
    )
    right = [f"{one.check.removeprefix('container.')} {one.subject}" for one in made if one.verdict is Verdict.OK]
    wrong = [
        {key: list(value) if isinstance(value := getattr(one, key), tuple) else value for key in want}
        for one, want in zip((one for one in made if one.verdict is not Verdict.OK), row["findings"], strict=True)
    ]
    assert (wrong, right) == (row["findings"], row["ok"])


def test_every_check_id_drifts_in_some_case() -> None:
    drifting = {want["check"] for rows in TABLES.values() for row in rows for want in row["findings"]}
    assert drifting == {check.id for check in CHECKER.ids}


def test_every_recorded_container_is_used() -> None:
    used = {container["like"] for rows in TABLES.values() for row in rows for container in row["containers"]}
    recorded = {entry["Name"].removeprefix("/") for entry in json.loads((HERE / "recorded.json").read_text())}
    assert used == recorded
