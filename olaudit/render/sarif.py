"""The report as SARIF 2.1.0, for GitHub code scanning and editors: what is wrong, by line of the expected files.

Drift fails at the level of its severity. Unknown would be the standard's kind "open", but that demands level
"none", which consumers that know levels only (GitHub among them) show last or nowhere. Unknown must not read as
fine: it fails too, at level warning (info: note), says in its first words that it could not be audited, and in
its properties which verdict it is. Waived drift carries an accepted suppression in its owner's words.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from olaudit import waivers
from olaudit.checks import CHECKERS
from olaudit.evaluate import REACHABLE
from olaudit.model import Finding, HostResult, Report, Severity, Verdict
from olaudit.render.style import Style
from olaudit.text import visible

_LEVELS = {Severity.CRITICAL: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_ROOT = "%SRCROOT%"


def render(report: Report, style: Style) -> str:
    """Give the document: one run, with the findings that `style` shows."""
    shown = style.shows(report)
    rules = {rule: index for index, rule in enumerate(sorted({REACHABLE.id, *(one.check for one in shown)}))}
    run = {
        "tool": {
            "driver": {
                "name": "olaudit",
                "semanticVersion": report.run.olaudit_version,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "automationDetails": {"id": f"olaudit/{report.run.id}"},
        "invocations": [_invocation(report)],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The folder in which expected/ lies."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, rules[finding.check]) for finding in shown],
        "properties": {"expectedRevision": report.run.expected_revision, "checks": len(report.findings)}
        | {verdict.value: report.count(verdict) for verdict in Verdict},
    }
    schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: str) -> dict[str, Any]:
    """Describe a check by the words that its own module has for it; GitHub shows them beside every alert."""
    texts = {
        check.id: check
        for check in (REACHABLE, *waivers.CHECKS, *(check for checker in CHECKERS for check in checker.ids))
    }
    if rule not in texts:
        return {"id": rule, "shortDescription": {"text": rule}}
    drift_when, mend = texts[rule].drift_when, texts[rule].fix or "see the finding"
    return {
        "id": rule,
        "shortDescription": _text(drift_when),
        "fullDescription": _text(f"{rule}: {drift_when}"),
        "help": _text(mend),
        "defaultConfiguration": {"level": _LEVELS[texts[rule].severity]},
    }


def _invocation(report: Report) -> dict[str, Any]:
    """Say how the run went; the hosts that nobody could look at are told as errors of it."""
    return {
        "executionSuccessful": report.run.complete,
        "startTimeUtc": report.run.started_at,
        "endTimeUtc": report.run.finished_at,
        "toolExecutionNotifications": [note for host in report.hosts for note in _notifications(host)],
    }


def _notifications(host: HostResult) -> list[dict[str, Any]]:
    if not host.failure:
        return []
    return [
        {
            "level": "error",
            "message": _text(f"{host.host} could not be audited ({host.failure.reason}): {host.failure.message}"),
            "associatedRule": {"id": REACHABLE.id},
            "locations": [{"logicalLocations": [_logical(host.host, "host")]}],
        }
    ]


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    ok = finding.verdict is Verdict.OK
    return {
        "ruleId": finding.check,
        "ruleIndex": rule,
        "kind": "pass" if ok else "fail",
        "level": "none" if ok else _level(finding),
        "message": _text(_message(finding)),
        "locations": [_location(finding)],
        # GitHub tells alerts apart by the first alone, and would else take two hosts' drift at one line for one
        "partialFingerprints": {"primaryLocationLineHash": finding.id, "olauditFinding/v1": finding.id},
        "suppressions": _suppressions(finding),  # the standard: on all results of a run, or on none
        "properties": _properties(finding),
    }


def _level(finding: Finding) -> str:
    if finding.verdict is Verdict.UNKNOWN and finding.severity is Severity.CRITICAL:
        return "warning"
    return _LEVELS[finding.severity]


def _message(finding: Finding) -> str:
    could_not = "could not be audited: " if finding.verdict is Verdict.UNKNOWN else ""
    facts = {"expected": finding.expected, "observed": finding.observed}
    told = "".join(f"\n{name}: {visible(text)}" for name, text in facts.items() if text)
    return f"{finding.host} {visible(finding.subject)}: {could_not}{visible(finding.message)}{told}"


def _text(text: str) -> dict[str, str]:
    """Make a message of plain text: no brace or bracket in it makes a placeholder or a link (3.11.5, 3.11.6)."""
    for special in "\\[]":
        text = text.replace(special, f"\\{special}")
    return {"text": text.replace("{", "{{").replace("}", "}}")}


def _location(finding: Finding) -> dict[str, Any]:
    return _physical(finding.source) | {"logicalLocations": [_logical(finding.host, finding.subject)]}


def _physical(source: str) -> dict[str, Any]:
    """Read `file:line`. A line that is none means the file as a whole."""
    file, _, line = source.rpartition(":")
    region = {"region": {"startLine": int(line)}} if line.isdecimal() and int(line) else {}
    return {"physicalLocation": {"artifactLocation": {"uri": quote(file), "uriBaseId": _ROOT}} | region}


def _logical(host: str, subject: str) -> dict[str, str]:
    return {
        "name": visible(subject),
        "fullyQualifiedName": f"{host}/{visible(subject)}",
        "kind": "host" if subject == "host" else "resource",
    }


def _suppressions(finding: Finding) -> list[dict[str, Any]]:
    if finding.verdict is not Verdict.WAIVED:
        return []
    accepted: dict[str, Any] = {"kind": "external", "status": "accepted"}
    if waiver := finding.waiver:
        accepted |= {
            "justification": visible(f"{waiver.accepted_by} until {waiver.expires}: {waiver.reason}"),
            "location": _physical(waiver.source),
        }
    return [accepted]


def _properties(finding: Finding) -> dict[str, str]:
    """Give what the standard has no place for."""
    facts = {
        "verdict": finding.verdict.value,
        "severity": finding.severity.value,
        "host": finding.host,
        "expected": visible(finding.expected),
        "observed": visible(finding.observed),
        "fix": visible(finding.fix or ""),
        "firstSeen": finding.first_seen or "",
    }
    return {name: fact for name, fact in facts.items() if fact}
