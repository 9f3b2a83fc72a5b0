"""Renderer for SARIF 2.1.0, for GitHub code scanning and editors: findings at their lines of the expected files.

Drift has kind "fail" and the level of its severity. The standard's kind for unknown would be "open", but it
requires level "none". Consumers that evaluate levels only, such as GitHub, show that level last or not at all.
Unknown must not look like ok: it has kind "fail" too, at level warning (severity info: note). Its message states
that the check could not be audited, and its properties hold the verdict. Waived drift has an accepted suppression
with the waiver's reason.
"""

import json
from typing import Any
from urllib.parse import quote

from olaudit import waivers
from olaudit.evaluate import HOST, REACHABLE
from olaudit.model import Check, Finding, Report, Severity, Verdict
from olaudit.render import view
from olaudit.render.style import Style
from olaudit.text import visible

_LEVELS = {Severity.CRITICAL: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_ROOT = "%SRCROOT%"


def render(report: Report, style: Style) -> str:
    """Render the document: one run, with the findings that `style` selects."""
    findings = style.select_findings(report)
    ids = sorted({REACHABLE.id, *(finding.check for finding in findings)})
    checks = (REACHABLE, *waivers.CHECKS, *(check for checker in style.checkers for check in checker.checks))
    described = {check.id: check for check in checks}
    run = {
        "tool": {
            "driver": {
                "name": "olaudit",
                "semanticVersion": report.run.olaudit_version,
                "rules": [_rule(id_, described.get(id_)) for id_ in ids],
            }
        },
        "automationDetails": {"id": f"olaudit/{report.run.id}"},
        "invocations": [_invocation(report)],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The directory that contains expected/."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, ids.index(finding.check)) for finding in findings],
        "properties": {"expectedRevision": report.run.expected_revision, "checks": len(report.findings)}
        | view.count_verdicts(report.findings),
    }
    schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(check_id: str, check: Check | None) -> dict[str, Any]:
    """Describe a check with the texts of its checker, if known; GitHub shows them next to each alert."""
    if check is None:
        return {"id": check_id, "shortDescription": {"text": check_id}}
    return {
        "id": check_id,
        "shortDescription": _text(check.drift_when),
        "fullDescription": _text(f"{check_id}: {check.drift_when}"),
        "help": _text(check.fix or "see the finding"),
        "defaultConfiguration": {"level": _LEVELS[check.severity]},
    }


def _invocation(report: Report) -> dict[str, Any]:
    """Describe the run; hosts that could not be audited are notifications of level error."""
    return {
        "executionSuccessful": report.run.complete,
        "startTimeUtc": report.run.started_at,
        "endTimeUtc": report.run.finished_at,
        "toolExecutionNotifications": [
            {
                "level": "error",
                "message": _text(f"{host.host} could not be audited ({failure.reason}): {failure.message}"),
                "associatedRule": {"id": REACHABLE.id},
                "locations": [{"logicalLocations": [_logical(host.host, HOST)]}],
            }
            for host in report.hosts
            if (failure := host.failure)
        ],
    }


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    ok = finding.verdict is Verdict.OK
    return {
        "ruleId": finding.check,
        "ruleIndex": rule,
        "kind": "pass" if ok else "fail",
        "level": "none" if ok else _level(finding),
        "message": _text(_message(finding)),
        "locations": [_physical(finding.source) | {"logicalLocations": [_logical(finding.host, finding.subject)]}],
        # GitHub identifies alerts by the first one; without it, drift of two hosts at one line would be one alert
        "partialFingerprints": {"primaryLocationLineHash": finding.id, "olauditFinding/v1": finding.id},
        "suppressions": _suppressions(finding),  # required by the standard: on all results of a run, or on none
        "properties": _properties(finding),
    }


def _level(finding: Finding) -> str:
    if finding.verdict is Verdict.UNKNOWN and finding.severity is Severity.CRITICAL:
        return "warning"
    return _LEVELS[finding.severity]


def _message(finding: Finding) -> str:
    prefix = "could not be audited: " if finding.verdict is Verdict.UNKNOWN else ""
    values = {"expected": finding.expected, "observed": finding.observed}
    details = "".join(f"\n{name}: {visible(text)}" for name, text in values.items() if text)
    return f"{finding.host} {visible(finding.subject)}: {prefix}{visible(finding.message)}{details}"


def _text(text: str) -> dict[str, str]:
    """Build a plain-text message: braces and brackets are escaped (sections 3.11.5 and 3.11.6)."""
    for special in "\\[]":
        text = text.replace(special, f"\\{special}")
    return {"text": text.replace("{", "{{").replace("}", "}}")}


def _physical(source: str) -> dict[str, Any]:
    """Parse `file:line` into a physical location; without a line number it is the whole file."""
    file, _, line = source.rpartition(":")
    region = {"region": {"startLine": int(line)}} if line.isdecimal() and int(line) else {}
    return {"physicalLocation": {"artifactLocation": {"uri": quote(file), "uriBaseId": _ROOT}} | region}


def _logical(host: str, subject: str) -> dict[str, str]:
    return {
        "name": visible(subject),
        "fullyQualifiedName": f"{host}/{visible(subject)}",
        "kind": "host" if subject == HOST else "resource",
    }


def _suppressions(finding: Finding) -> list[dict[str, Any]]:
    if finding.verdict is not Verdict.WAIVED:
        return []
    suppression: dict[str, Any] = {"kind": "external", "status": "accepted"}
    if waiver := finding.waiver:
        suppression |= {
            "justification": visible(f"{waiver.accepted_by} until {waiver.expires}: {waiver.reason}"),
            "location": _physical(waiver.source),
        }
    return [suppression]


def _properties(finding: Finding) -> dict[str, str]:
    """Collect the values for which the standard has no field."""
    values = {
        "verdict": finding.verdict.value,
        "severity": finding.severity.value,
        "host": finding.host,
        "expected": visible(finding.expected),
        "observed": visible(finding.observed),
        "fix": visible(finding.fix or ""),
        "firstSeen": finding.first_seen or "",
    }
    return {name: value for name, value in values.items() if value}
