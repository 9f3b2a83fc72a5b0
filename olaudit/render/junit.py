"""Renderer for JUnit XML, for Jenkins, GitLab and other consumers of test results: one suite per host.

Every check is a test case, also those that are ok: consumers compare the full list with the previous run. The
style has no effect. Drift is a failure. Unknown of any severity is an error, never passed and never skipped.
Waived drift is skipped, with the waiver's reason. Drift of severity info is skipped too: it must not fail a build,
and consumers count and list skipped tests, but not passed ones.

Only the duration of a host's audit is known. The test case of host.reachable carries it, because consumers sum
the times of test cases.
"""

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

from olaudit.evaluate import REACHABLE
from olaudit.model import Finding, HostResult, Report, Run, Severity, Verdict
from olaudit.render import view
from olaudit.render.style import Style
from olaudit.text import visible

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def render(report: Report, _style: Style) -> str:
    """Render the document. Characters that XML 1.0 excludes are not printable either: they are escaped."""
    findings = view.group_by_host(report.findings)
    results = {host.host: host for host in report.hosts}
    counts = _counts(report.findings)
    root = ET.Element("testsuites", {"name": "olaudit", "time": f"{report.run.duration_seconds:.3f}"})
    root.attrib |= {key: counts[key] for key in ("tests", "failures", "errors")}
    root.extend(
        _suite(host, findings.get(host, []), results.get(host), report.run) for host in {**results, **findings}
    )
    ET.indent(root)
    return f"{_DECLARATION}{ET.tostring(root, encoding='unicode')}\n"


def _counts(findings: Sequence[Finding]) -> dict[str, str]:
    outcomes = [_outcome(finding) for finding in findings]
    names = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return {"tests": str(len(outcomes))} | {key: str(outcomes.count(outcome)) for key, outcome in names.items()}


def _outcome(finding: Finding) -> str:
    """Return the name of the element for a test case's outcome; empty if it is ok."""
    if finding.verdict is Verdict.DRIFT and finding.severity is Severity.INFO:
        return "skipped"
    return {Verdict.DRIFT: "failure", Verdict.UNKNOWN: "error", Verdict.WAIVED: "skipped"}.get(finding.verdict, "")


def _suite(host: str, findings: Sequence[Finding], result: HostResult | None, run: Run) -> ET.Element:
    seconds = result.duration_seconds if result else 0.0  # the fleet as a whole is not a host and has no duration
    suite = ET.Element(
        "testsuite",
        {
            "name": host,
            **_counts(findings),
            "time": f"{seconds:.3f}",
            "timestamp": run.started_at.removesuffix("Z"),  # JUnit's timestamps have no time zone
            "hostname": host,
        },
    )
    properties = ET.SubElement(suite, "properties")
    values = {
        "run": run.id,
        "complete": str(run.complete).lower(),
        "olaudit_version": run.olaudit_version,
        "expected_revision": run.expected_revision,
    }
    for name, value in values.items():
        ET.SubElement(properties, "property", {"name": name, "value": visible(value)})
    suite.extend(_case(finding, seconds) for finding in findings)
    return suite


def _case(finding: Finding, seconds: float) -> ET.Element:
    duration = seconds if finding.check == REACHABLE.id else 0.0
    name = visible(f"{finding.check} {finding.subject}")
    case = ET.Element("testcase", {"classname": finding.host, "name": name, "time": f"{duration:.3f}"})
    if outcome := _outcome(finding):
        element = ET.SubElement(case, outcome, {"type": finding.check, "message": visible(_message(finding))})
        element.text = "\n".join(visible(line) for line in _lines(finding))
    return case


def _message(finding: Finding) -> str:
    if finding.waiver:
        waiver = finding.waiver
        return f"waived by {waiver.owner} until {waiver.expires}: {waiver.reason}"
    prefixes = {Verdict.WAIVED: "waived: ", Verdict.DRIFT: "info: ", Verdict.UNKNOWN: "could not be audited: "}
    failure = finding.verdict is Verdict.DRIFT and finding.severity is not Severity.INFO
    return ("" if failure else prefixes[finding.verdict]) + finding.message


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
