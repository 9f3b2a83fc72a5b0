"""Compare what a run measured with what its rows expect."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from tests.faults.measure import Measured
from tests.faults.row import Exits, Fails, Finds, Row

HEALTHY = ("healthy-0", "healthy-1")
"""Two hosts without a fault that each run audits too; the second has a Docker Engine."""

GRACE_SECONDS = 1.0
SLACK_SECONDS = 3.0
"""What starting forty audits, printing the report and ending the process may take on a busy machine."""

PEAK_MIB = 300.0
HEALTHY_SECONDS = 3.5
"""Within what time a healthy host is audited, on a busy machine, whatever happens to the others."""

_CODES = (0, 1, 3)


def problems(row: Row, measured: Measured) -> Iterator[str]:
    """List what is not as the row expects."""
    yield from _of_process(row, measured)
    if isinstance(row.expect, Exits):
        yield from _of_command(row.expect, measured)
    elif measured.code not in _CODES or not measured.report:
        yield f"exit code {measured.code}: {measured.stderr[-600:]}"
    else:
        yield from _of_host(row, measured)
        for host in HEALTHY if row.healthy else ():
            yield from _of_healthy(host, measured)


def seconds(row: Row, measured: Measured) -> float:
    """Give what the host of a row took; where the row is about the whole command, what that took."""
    if isinstance(row.expect, Exits) or not measured.report:
        return measured.seconds
    duration: float = _host(row.id, measured)["duration_seconds"]
    return duration


def _of_process(row: Row, measured: Measured) -> Iterator[str]:
    if measured.killed:
        yield measured.killed
    if measured.seconds > row.timeout + GRACE_SECONDS + SLACK_SECONDS:
        yield f"the process ended after {measured.seconds:g} s"
    if measured.peak_mib > PEAK_MIB:
        yield f"the process took {measured.peak_mib:.0f} MiB"


def _of_command(expect: Exits, measured: Measured) -> Iterator[str]:
    if measured.code != expect.code:
        yield f"exit code {measured.code}"
    if expect.text not in measured.stderr:
        yield f"standard error: {measured.stderr[-600:]}"
    if expect.prints and not measured.report:
        yield "the report was not printed"


def _of_host(row: Row, measured: Measured) -> Iterator[str]:
    host, findings = _host(row.id, measured), _findings(row.id, measured)
    if host["duration_seconds"] > row.timeout + GRACE_SECONDS:
        yield f"the host took {host['duration_seconds']:g} s"
    for finding in findings:
        if finding["verdict"] == "unknown" and not _reasoned(finding["message"]):
            yield f"{finding['check']} has no reason: {finding['message']!r}"
    failure = host["failure"] or {}
    match row.expect:
        case Fails(reason, text, other):
            message = str(failure.get("message"))
            if failure.get("reason") != reason or not (text in message or (other and other in message)):
                yield f"failure is {failure or _loud(findings)}"
        case Finds() as expected:
            yield from _of_finding(expected, failure, findings)
        case _:
            if host["verdict"] != "ok":
                yield f"not ok: {failure or _loud(findings)}"


def _of_finding(expected: Finds, failure: dict[str, Any], findings: list[dict[str, Any]]) -> Iterator[str]:
    if not any(one["check"] == expected.check and _says(one, expected) for one in findings):
        yield f"no such finding, failure {failure}: {_loud(findings)}"
    if wrong := _loud(one for one in findings if not expected.affected(one["check"])):
        yield f"other checks are not ok: {wrong}"


def _says(finding: dict[str, Any], expected: Finds) -> bool:
    texts = (str(finding.get(name) or "") for name in ("message", "observed", "advice"))
    wanted = [text for text in (expected.text, expected.other) if text]
    return finding["verdict"] == expected.status and any(one in text for text in texts for one in wanted)


def _reasoned(message: str) -> bool:
    """Whether a message gives a reason: it neither is empty nor ends in a colon."""
    return bool(message.strip()) and re.search(r":\s*$", message) is None


def _of_healthy(name: str, measured: Measured) -> Iterator[str]:
    host = _host(name, measured)
    if host["verdict"] != "ok":
        yield f"{name} is {host['verdict']}: {host['failure'] or _loud(_findings(name, measured))}"
    if host["duration_seconds"] > HEALTHY_SECONDS:
        yield f"{name} took {host['duration_seconds']:g} s"


def _host(name: str, measured: Measured) -> dict[str, Any]:
    empty = {"duration_seconds": 0.0, "failure": {"message": "not in the report"}, "verdict": "absent"}
    return next((one for one in measured.report["hosts"] if one["host"] == name), empty)


def _findings(name: str, measured: Measured) -> list[dict[str, Any]]:
    return [one for one in measured.report["findings"] if one["host"] == name]


def _loud(findings: Iterable[dict[str, Any]]) -> list[str]:
    return [f"{one['verdict']} {one['check']}: {one['message']}" for one in findings if one["verdict"] != "ok"]


def said(row: Row, measured: Measured) -> str:
    """Give what was reported about the fault."""
    if not measured.report:
        return measured.stderr
    findings = _findings(row.id, measured)
    if isinstance(row.expect, Finds):
        findings = [one for one in findings if one["check"] == row.expect.check]
    return "; ".join(one["message"] for one in findings if one["verdict"] != "ok")
