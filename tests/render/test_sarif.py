"""SARIF, validated by the standard's schema, and by rules of the standard that a schema cannot express."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from olaudit.checks import CHECKERS
from olaudit.model import Report, Verdict
from olaudit.render import sarif
from olaudit.render.style import Style
from tests.render.format_reports import HOSTILE, MIXED
from tests.render.reports import CASES
from tests.render.test_any_report import REPORTS, STYLES

_SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
SCHEMA = jsonschema.Draft4Validator(_SCHEMA, format_checker=jsonschema.FormatChecker())


def render_run(report: Report, style: Style | None = None) -> dict[str, Any]:
    """Render and validate a report; return its run."""
    document = json.loads(sarif.render(report, style or Style()))
    SCHEMA.validate(document)
    (run_,) = document["runs"]
    assert isinstance(run_, dict)
    return run_


@pytest.mark.parametrize("report", [*CASES.values(), MIXED, HOSTILE], ids=[*CASES, "mixed", "hostile-texts"])
def test_the_document_is_valid_by_the_schema_of_the_standard(report: Report) -> None:
    render_run(report)
    render_run(report, Style(all=True))


@given(REPORTS, STYLES)
def test_any_report_is_valid_and_has_a_result_per_finding(report: Report, style: Style) -> None:
    results = render_run(report, style)["results"]
    assert [result["partialFingerprints"]["olauditFinding/v1"] for result in results] == [
        finding.id for finding in style.select_findings(report)
    ]
    for result in results:
        assert (
            (result["kind"] == "pass") == (result["level"] == "none") == (result["properties"]["verdict"] == "ok")
        )


def test_rule_indexes_match_and_rules_have_descriptions() -> None:
    sarif_run = render_run(MIXED, Style(checkers=CHECKERS))
    rules = sarif_run["tool"]["driver"]["rules"]
    assert {rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in sarif_run["results"]} == {True}
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in rules)


def test_severities_are_levels_and_unknown_is_never_a_pass() -> None:
    results = render_run(MIXED)["results"]
    levels = {
        (result["properties"]["verdict"], result["properties"]["severity"], result["kind"], result["level"])
        for result in results
    }
    assert levels == {
        ("drift", "critical", "fail", "error"),
        ("drift", "warning", "fail", "warning"),
        ("drift", "info", "fail", "note"),
        ("unknown", "critical", "fail", "warning"),
        ("unknown", "warning", "fail", "warning"),
        ("unknown", "info", "fail", "note"),
        ("waived", "warning", "fail", "warning"),
    }
    unknown = [result for result in results if result["properties"]["verdict"] == Verdict.UNKNOWN]
    assert all(": could not be audited: " in result["message"]["text"] for result in unknown)


def test_only_waived_drift_is_suppressed_with_owner_and_source() -> None:
    results = render_run(MIXED)["results"]
    assert all("suppressions" in result for result in results), "standard: on all results of a run, or on none"
    (suppression,) = [suppression for result in results for suppression in result["suppressions"]]
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


def test_a_result_has_the_line_of_its_expectation() -> None:
    results = [result for result in render_run(MIXED)["results"] if result["ruleId"] == "container.name"]
    (renamed,) = [result for result in results if result["properties"]["verdict"] == "drift"]
    assert renamed["locations"] == [
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
    (invocation,) = render_run(MIXED)["invocations"]
    assert invocation["executionSuccessful"] is True
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["message"]["text"].startswith("ol-mem0 could not be audited (timeout): no answer")
    assert render_run(CASES["interrupted"])["invocations"][0]["executionSuccessful"] is False


def test_texts_of_hosts_make_no_links_or_placeholders() -> None:
    sarif_run = render_run(HOSTILE)
    notifications = sarif_run["invocations"][0]["toolExecutionNotifications"]
    for text in [item["message"]["text"] for item in [*sarif_run["results"], *notifications]]:
        unescaped = re.sub(r"\\[\\\[\]]|\{\{|\}\}", "", text)
        assert not set(unescaped) & set("[]{}\\")
