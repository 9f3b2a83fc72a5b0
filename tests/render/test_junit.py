"""JUnit XML, validated by Jenkins' schema and read by an independent parser."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase
from lxml import etree

from olaudit.model import Report, Result, Verdict
from olaudit.render import junit
from olaudit.render.style import Style
from tests.render.format_reports import BLIND_RELEASE, HOSTILE, MIXED
from tests.render.reports import BLIND, CASES, LONG_LINK, MISSING, RELEASE, RENAMED
from tests.render.test_any_report import REPORTS

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).parent / "schemas" / "junit-10.xsd"))
OUTCOMES = {Verdict.DRIFT: Failure, Verdict.UNKNOWN: Error, Verdict.WAIVED: Skipped}


def cases(report: Report) -> dict[tuple[str, str], TestCase]:
    suites = JUnitXml.fromstring(junit.render(report, Style()).encode())
    return {(case.classname, case.name): case for suite in suites for case in suite}


@pytest.mark.parametrize("report", [*CASES.values(), MIXED, HOSTILE], ids=[*CASES, "mixed", "hostile-texts"])
def test_the_document_is_valid_by_the_schema_of_jenkins(report: Report) -> None:
    SCHEMA.assertValid(etree.fromstring(junit.render(report, Style()).encode()))


@given(REPORTS)
def test_any_report_is_valid_and_has_the_counts_of_the_report(report: Report) -> None:
    text = junit.render(report, Style()).encode()
    SCHEMA.assertValid(etree.fromstring(text))
    suites = list(JUnitXml.fromstring(text))
    assert [suite.hostname for suite in suites] == [host.host for host in report.hosts]
    assert sum(suite.tests for suite in suites) == len(report.findings)
    assert sum(suite.errors for suite in suites) == report.count(Verdict.UNKNOWN)
    assert sum(suite.failures + suite.skipped for suite in suites) == report.count(Verdict.DRIFT)
    for suite in suites:
        assert sum(isinstance(case.result[0], Error) for case in suite if case.result) == suite.errors


@pytest.mark.parametrize(
    ("host", "result", "outcome"),
    [
        ("ol-home0", MISSING, Failure),
        ("ol-covers0", RENAMED, Failure),
        ("ol-covers0", LONG_LINK, Skipped),
        ("ol-db1", RELEASE, Skipped),
        ("ol-home0", BLIND[0], Error),
        ("ol-db2", BLIND_RELEASE, Error),
    ],
    ids=["critical", "warning", "waived", "info", "unknown", "unknown info"],
)
def test_each_verdict_has_its_outcome(host: str, result: Result, outcome: type) -> None:
    (element,) = cases(MIXED)[host, f"{result.check.id} {result.subject}"].result
    assert type(element) is outcome


def test_a_host_that_was_not_audited_is_an_error_with_its_reason() -> None:
    (result,) = cases(MIXED)["ol-mem0", "host.reachable host"].result
    assert isinstance(result, Error)
    assert result.message.startswith("could not be audited: no answer within 30 s")


def test_a_failure_has_expected_and_observed_value_and_fix() -> None:
    (result,) = cases(MIXED)["ol-covers0", "container.name openlibrary-covers-1"].result
    assert result.type == "container.name"
    assert str(result.text).splitlines()[:-1] == [
        "the container has Compose v1's separators in its name",
        "severity: warning",
        "expected: openlibrary-covers-1",
        "observed: openlibrary_covers_1",
        "source: expected/hosts/ol-covers0.yaml:5",
        "fix: docker rename openlibrary_covers_1 openlibrary-covers-1",
    ]


def test_waived_drift_is_skipped_with_the_waivers_reason() -> None:
    (result,) = cases(MIXED)["ol-covers0", "symlink.target /opt/openlibrary/olsystem"].result
    assert result.message == (r"waived by mek | ]]> <b> until 2026-12-31: until the\nmigration [is](done) `here`")


def test_xml_allows_every_printable_character() -> None:
    printable = (number for number in range(0x110000) if chr(number).isprintable())
    allowed = (range(0x20, 0xD800), range(0xE000, 0xFFFE), range(0x10000, 0x110000))
    assert [number for number in printable if not any(number in characters for characters in allowed)] == []
