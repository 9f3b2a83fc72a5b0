"""Comparison of the measurements of a run with the expectations of its rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from tests.faults.measure import Measurement
from tests.faults.row import ExitCode, ExpectedFinding, ExpectedOutcome, OneOf, Row, Unreachable

HEALTHY = ("healthy-0", "healthy-1")
"""Two hosts without a fault that each run also audits; the second has a Docker Engine."""

GRACE_SECONDS = 1.0
SLACK_SECONDS = 3.0
"""Time to start forty audits, print the report and end the process on a busy machine."""

PEAK_MIB = 300.0
HEALTHY_SECONDS = 3.5
"""Maximum duration of the audit of a healthy host on a busy machine, independent of the faults of others."""

_CODES = (0, 1, 3)


def problems(row: Row, measurement: Measurement) -> Iterator[str]:
    """Yield the differences between the expectation of a row and its result."""
    yield from _process_problems(row, measurement)
    if isinstance(row.expect, ExitCode):
        yield from _command_problems(row.expect, measurement)
    elif measurement.code not in _CODES or not measurement.report:
        yield f"exit code {measurement.code}: {measurement.stderr[-600:]}"
    else:
        yield from _host_problems(row, measurement)
        for host in HEALTHY if row.healthy else ():
            yield from _healthy_problems(host, measurement)


def seconds(row: Row, measurement: Measurement) -> float:
    """Return the audit duration of a row's host, or of the command if the row is about the command."""
    if isinstance(row.expect, ExitCode) or not measurement.report:
        return measurement.seconds
    duration: float = _host(row.id, measurement)["duration_seconds"]
    return duration


def _process_problems(row: Row, measurement: Measurement) -> Iterator[str]:
    if measurement.killed:
        yield measurement.killed
    if measurement.seconds > row.timeout + GRACE_SECONDS + SLACK_SECONDS:
        yield f"the process ended after {measurement.seconds:g} s"
    if measurement.peak_mib > PEAK_MIB:
        yield f"the process used {measurement.peak_mib:.0f} MiB"


def _command_problems(expect: ExitCode, measurement: Measurement) -> Iterator[str]:
    if measurement.code != expect.code:
        yield f"exit code {measurement.code}"
    if expect.text not in measurement.stderr:
        yield f"standard error: {measurement.stderr[-600:]}"
    if expect.prints and not measurement.report:
        yield "the report was not printed"


def _host_problems(row: Row, measurement: Measurement) -> Iterator[str]:
    host, findings = _host(row.id, measurement), _findings(row.id, measurement)
    if host["duration_seconds"] > row.timeout + GRACE_SECONDS:
        yield f"the host took {host['duration_seconds']:g} s"
    for finding in findings:
        if finding["verdict"] == "unknown" and not _has_reason(finding["message"]):
            yield f"{finding['check']} has no reason: {finding['message']!r}"
    yield from _outcome_problems(row.expect, host, findings)


def _outcome_problems(
    expect: ExpectedOutcome, host: dict[str, Any], findings: list[dict[str, Any]]
) -> Iterator[str]:
    failure = host["failure"] or {}
    match expect:
        case OneOf(outcomes):
            alternatives = [list(_outcome_problems(outcome, host, findings)) for outcome in outcomes]
            if all(alternatives):
                yield from (problem for alternative in alternatives for problem in alternative)
        case Unreachable(reason, text, other):
            message = str(failure.get("message"))
            if failure.get("reason") != reason or not (text in message or (other and other in message)):
                yield f"failure is {failure or _not_ok(findings)}"
        case ExpectedFinding() as expected:
            yield from _finding_problems(expected, failure, findings)
        case _:
            if host["verdict"] != "ok":
                yield f"not ok: {failure or _not_ok(findings)}"


def _finding_problems(
    expected: ExpectedFinding, failure: dict[str, Any], findings: list[dict[str, Any]]
) -> Iterator[str]:
    if not any(finding["check"] == expected.check and _has_text(finding, expected) for finding in findings):
        yield f"no such finding, failure {failure}: {_not_ok(findings)}"
    if wrong := _not_ok(finding for finding in findings if not expected.affected(finding["check"])):
        yield f"other checks are not ok: {wrong}"


def _has_text(finding: dict[str, Any], expected: ExpectedFinding) -> bool:
    fields = (str(finding.get(name) or "") for name in ("message", "observed", "advice"))
    texts = [text for text in (expected.text, expected.other) if text]
    return finding["verdict"] == expected.status and any(text in field for field in fields for text in texts)


def _has_reason(message: str) -> bool:
    """Return whether a message gives a reason: it is not empty and does not end in a colon."""
    return bool(message.strip()) and re.search(r":\s*$", message) is None


def _healthy_problems(name: str, measurement: Measurement) -> Iterator[str]:
    host = _host(name, measurement)
    if host["verdict"] != "ok":
        yield f"{name} is {host['verdict']}: {host['failure'] or _not_ok(_findings(name, measurement))}"
    if host["duration_seconds"] > HEALTHY_SECONDS:
        yield f"{name} took {host['duration_seconds']:g} s"


def _host(name: str, measurement: Measurement) -> dict[str, Any]:
    empty = {"duration_seconds": 0.0, "failure": {"message": "not in the report"}, "verdict": "absent"}
    return next((host for host in measurement.report["hosts"] if host["host"] == name), empty)


def _findings(name: str, measurement: Measurement) -> list[dict[str, Any]]:
    return [finding for finding in measurement.report["findings"] if finding["host"] == name]


def _not_ok(findings: Iterable[dict[str, Any]]) -> list[str]:
    return [
        f"{finding['verdict']} {finding['check']}: {finding['message']}"
        for finding in findings
        if finding["verdict"] != "ok"
    ]


def reported_text(row: Row, measurement: Measurement) -> str:
    """Return the reported messages about the fault."""
    if not measurement.report:
        return measurement.stderr
    findings = _findings(row.id, measurement)
    if isinstance(row.expect, ExpectedFinding):
        findings = [finding for finding in findings if finding["check"] == row.expect.check]
    return "; ".join(finding["message"] for finding in findings if finding["verdict"] != "ok")
