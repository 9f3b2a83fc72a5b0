"""The report as JUnit XML, for Jenkins, GitLab and whatever else shows test results: a suite per host.

Every check is a test case, the ok ones too, whatever the style says: consumers compare the whole with the run
before. Drift is a failure; unknown is an error, never passed and never skipped, whatever its severity. Waived
drift is skipped, in its owner's words. So is drift of severity info: it must not fail a build, and as a passed
test nobody would ever see it, while skipped ones are counted and listed.

The one time that is known is a host's. Its host.reachable has it, because consumers add up their test cases'
times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.etree import ElementTree as ET

from olaudit.evaluate import REACHABLE
from olaudit.model import Finding, HostResult, Report, Run, Severity, Verdict
from olaudit.render.style import Style
from olaudit.text import visible

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def render(report: Report, _style: Style) -> str:
    """Give the document. What XML 1.0 cannot hold does not print either, and is written as an escape."""
    found: dict[str, list[Finding]] = {}
    for finding in report.findings:
        found.setdefault(finding.host, []).append(finding)
    results = {host.host: host for host in report.hosts}
    suites = [
        _suite(host, found.get(host, []), results.get(host), report.run)
        for host in dict.fromkeys([*results, *found])
    ]
    counts = [_counts(findings) for findings in found.values()]
    root = ET.Element("testsuites", {"name": "olaudit", "time": f"{report.run.duration_seconds:.3f}"})
    root.attrib |= {key: str(sum(count[key] for count in counts)) for key in ("tests", "failures", "errors")}
    root.extend(suites)
    ET.indent(root)
    return f"{_HEAD}{ET.tostring(root, encoding='unicode')}\n"


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    outcomes = [_outcome(finding) for finding in findings]
    kinds = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return {"tests": len(outcomes)} | {name: outcomes.count(kind) for name, kind in kinds.items()}


def _outcome(finding: Finding) -> str:
    """Name the element that says how a test case ended; none for what is ok."""
    if finding.verdict is Verdict.DRIFT and finding.severity is Severity.INFO:
        return "skipped"
    return {Verdict.DRIFT: "failure", Verdict.UNKNOWN: "error", Verdict.WAIVED: "skipped"}.get(finding.verdict, "")


def _suite(host: str, findings: Sequence[Finding], result: HostResult | None, run: Run) -> ET.Element:
    seconds = result.duration_seconds if result else 0.0  # of the fleet as a whole nothing was asked
    suite = ET.Element(
        "testsuite",
        {
            "name": host,
            **{name: str(count) for name, count in _counts(findings).items()},
            "time": f"{seconds:.3f}",
            "timestamp": run.started_at.removesuffix("Z"),  # JUnit's own has no zone
            "hostname": host,
        },
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _circumstances(run).items():
        ET.SubElement(properties, "property", {"name": name, "value": visible(value)})
    suite.extend(_case(finding, seconds) for finding in findings)
    return suite


def _circumstances(run: Run) -> Mapping[str, str]:
    return {
        "run": run.id,
        "complete": str(run.complete).lower(),
        "olaudit_version": run.olaudit_version,
        "expected_revision": run.expected_revision,
    }


def _case(finding: Finding, seconds: float) -> ET.Element:
    taken = seconds if finding.check == REACHABLE.id else 0.0
    name = visible(f"{finding.check} {finding.subject}")
    case = ET.Element("testcase", {"classname": finding.host, "name": name, "time": f"{taken:.3f}"})
    if outcome := _outcome(finding):
        ending = ET.SubElement(case, outcome, {"type": finding.check, "message": visible(_message(finding))})
        ending.text = "\n".join(visible(line) for line in _lines(finding))
    return case


def _message(finding: Finding) -> str:
    if finding.waiver:
        waiver = finding.waiver
        return f"waived by {waiver.owner} until {waiver.expires}: {waiver.reason}"
    notes = {Verdict.WAIVED: "waived: ", Verdict.DRIFT: "info: ", Verdict.UNKNOWN: "could not be audited: "}
    plain = finding.verdict is Verdict.DRIFT and finding.severity is not Severity.INFO
    return ("" if plain else notes[finding.verdict]) + finding.message


def _lines(finding: Finding) -> Iterator[str]:
    yield finding.message
    details = {
        "severity": finding.severity,
        "expected": finding.expected,
        "observed": finding.observed,
        "source": finding.source,
        "since": finding.first_seen,
        "fix": finding.fix,
        "ticket": finding.waiver and finding.waiver.ticket,
        "waiver": finding.waiver and finding.waiver.source,
        "finding": finding.id,
    }
    yield from (f"{name}: {text}" for name, text in details.items() if text)
