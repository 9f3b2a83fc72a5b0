"""Recorded containers against expected ones: the findings and the ok results of each case of the tables."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from olaudit.checks.container import CHECKER
from olaudit.model import Result, Verdict
from tests.checks.container.engine import FOLDER, RECORDED_AT, evaluate, host_answers, inspect, parse_specs

TABLES = {path.stem: json.loads(path.read_text()) for path in sorted((FOLDER / "cases").glob("*.json"))}
CASES = [pytest.param(row, id=f"{table}: {row['case']}") for table, rows in TABLES.items() for row in rows]


@pytest.mark.parametrize("row", CASES)
def test_case_has_the_expected_findings(row: dict[str, Any]) -> None:
    containers = [inspect(**container) for container in row["containers"]]
    answers = host_answers(containers, row.get("clock", RECORDED_AT), row.get("changes"))
    results = evaluate(parse_specs(*row["expected"]), answers)
    ok = [
        f"{result.check.id.removeprefix('container.')} {result.subject}"
        for result in results
        if result.verdict is Verdict.OK
    ]
    not_ok = [result for result in results if result.verdict is not Verdict.OK]
    findings = [
        {key: value for key, value in _fields(result).items() if key in expected}
        for result, expected in zip(not_ok, row["findings"], strict=True)
    ]
    assert (findings, ok) == (row["findings"], row["ok"])


def _fields(result: Result) -> dict[str, Any]:
    """Return the fields of a result; the check as its id, and no severity if it is that of the check."""
    fields = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    severity = None if result.severity is result.check.severity else result.severity
    return fields | {"check": result.check.id, "at": list(result.at), "severity": severity}


def test_every_check_id_drifts_in_some_case() -> None:
    drifting = {expected["check"] for rows in TABLES.values() for row in rows for expected in row["findings"]}
    assert drifting == {check.id for check in CHECKER.checks}


def test_every_recorded_container_is_used() -> None:
    used = {container["like"] for rows in TABLES.values() for row in rows for container in row["containers"]}
    recorded = {entry["Name"].removeprefix("/") for entry in json.loads((FOLDER / "recorded.json").read_text())}
    assert used == recorded
