"""SARIF by the standard's own schema, and by those of its rules that no schema can hold."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from olaudit.model import Report, Verdict
from olaudit.render import sarif
from olaudit.render.style import Style
from tests.render.reports import CASES
from tests.render.test_any_report import REPORTS, STYLES
from tests.render.words import HOSTILE, MIXED

_SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
SCHEMA = jsonschema.Draft4Validator(_SCHEMA, format_checker=jsonschema.FormatChecker())


def run(report: Report, style: Style | None = None) -> dict[str, Any]:
    document = json.loads(sarif.render(report, style or Style()))
    SCHEMA.validate(document)
    (only,) = document["runs"]
    assert isinstance(only, dict)
    return only


@pytest.mark.parametrize("report", [*CASES.values(), MIXED, HOSTILE], ids=[*CASES, "mixed", "words"])
def test_it_is_valid_by_the_schema_of_the_standard(report: Report) -> None:
    run(report)
    run(report, Style(all=True))


@given(REPORTS, STYLES)
def test_any_report_is_valid_with_a_result_for_every_finding_shown(report: Report, style: Style) -> None:
    results = run(report, style)["results"]
    assert [one["partialFingerprints"]["olauditFinding/v1"] for one in results] == [
        one.id for one in style.shows(report)
    ]
    for result in results:
        assert (
            (result["kind"] == "pass") == (result["level"] == "none") == (result["properties"]["verdict"] == "ok")
        )


def test_a_rule_is_found_by_its_index_and_says_what_it_is_about() -> None:
    only = run(MIXED)
    rules = only["tool"]["driver"]["rules"]
    assert {rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in only["results"]} == {True}
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in rules)


def test_severities_are_levels_and_unknown_is_seen_without_ever_reading_as_fine() -> None:
    told = {
        (one["properties"]["verdict"], one["properties"]["severity"], one["kind"], one["level"])
        for one in run(MIXED)["results"]
    }
    assert told == {
        ("drift", "critical", "fail", "error"),
        ("drift", "warning", "fail", "warning"),
        ("drift", "info", "fail", "note"),
        ("unknown", "critical", "fail", "warning"),
        ("unknown", "warning", "fail", "warning"),
        ("unknown", "info", "fail", "note"),
        ("waived", "warning", "fail", "warning"),
    }
    unknown = [one for one in run(MIXED)["results"] if one["properties"]["verdict"] == Verdict.UNKNOWN]
    assert all(": could not be audited: " in one["message"]["text"] for one in unknown)


def test_only_what_is_waived_is_suppressed_and_says_by_whom_and_where() -> None:
    results = run(MIXED)["results"]
    assert all("suppressions" in one for one in results), "the standard: on all results of a run, or on none"
    (suppression,) = [suppression for one in results for suppression in one["suppressions"]]
    location = suppression.pop("location")["physicalLocation"]
    assert suppression == {
        "kind": "external",
        "status": "accepted",
        "justification": "mek | ]]> <b> (internetarchive/openlibrary#11222) until 2026-12-31: "
        r"until the\nmigration [is](done) `here`",
    }
    assert location == {
        "artifactLocation": {"uri": "expected/waivers.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 12},
    }


def test_a_result_is_at_the_line_of_its_expectation() -> None:
    named = [one for one in run(MIXED)["results"] if one["ruleId"] == "container.name"]
    (one,) = [one for one in named if one["properties"]["verdict"] == "drift"]
    assert one["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "expected/hosts/ol-covers0.yaml", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 5},
            },
            "logicalLocations": [
                {
                    "name": "openlibrary-covers-1",
                    "fullyQualifiedName": "ol-covers0/openlibrary-covers-1",
                    "kind": "resource",
                }
            ],
        }
    ]


def test_hosts_that_were_not_audited_are_errors_of_the_run() -> None:
    (invocation,) = run(MIXED)["invocations"]
    assert invocation["executionSuccessful"] is True
    (note,) = invocation["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("ol-mem0 could not be audited (timeout): no answer")
    assert run(CASES["interrupted"])["invocations"][0]["executionSuccessful"] is False


def test_no_words_of_a_host_make_a_link_or_a_placeholder() -> None:
    only = run(HOSTILE)
    notes = only["invocations"][0]["toolExecutionNotifications"]
    for text in [one["message"]["text"] for one in [*only["results"], *notes]]:
        rest = re.sub(r"\\[\\\[\]]|\{\{|\}\}", "", text)
        assert not set(rest) & set("[]{}\\")
