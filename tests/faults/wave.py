"""Audit the rows of one run together with two healthy hosts, and hold each row against its expectation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from olaudit.checks import KINDS
from olaudit.demo.fleet import simulated
from olaudit.expected import load
from tests.faults.measure import Measured, audit
from tests.faults.row import Auditor, Exits, Fails, Finds, Passes, Row, Target
from tests.faults.scene import Scene, write_expected
from tests.faults.sshd import sshd
from tests.fleet.lab import Lab

HEALTHY = ("healthy-0", "healthy-1")
"""The first is a real sshd where the rows are real, the second a simulated host with a Docker Engine."""

GRACE_SECONDS = 1.0
PEAK_MIB = 300.0
HEALTHY_SECONDS = 3.0
"""Within what time a healthy host is audited, on a busy machine, whatever happens to the others."""


@dataclass(frozen=True)
class Outcome:
    """What a run gave for one row. `problems` is empty where all is as expected."""

    row: Row
    seconds: float
    peak_mib: float
    problems: tuple[str, ...]


def runs(rows: Iterable[Row]) -> list[tuple[Row, ...]]:
    """Group rows into the runs in which they are audited together."""
    ordered = sorted(rows, key=lambda row: row.run or f"~{row.id}")
    return [tuple(group) for _, group in groupby(ordered, key=lambda row: row.run or f"~{row.id}")]


def outcomes(rows: Sequence[Row], folder: Path, lab: Lab | None = None) -> list[Outcome]:
    """Inject the faults of all `rows`, audit once, and judge."""
    scene = Scene(folder, lab)
    with ExitStack() as stack:
        for row in rows:
            scene.id = row.id
            scene.roles[row.id] = row.role
            scene.targets[row.id] = stack.enter_context(row.inject(scene))
        stack.enter_context(_healthy(scene, real=rows[0].real))
        scene.write()
        how = stack.enter_context(rows[0].auditor(scene)) if rows[0].auditor else Auditor()
        measured = audit(scene, how, rows[0].timeout)
    return [_outcome(row, measured, scene) for row in rows]


def _outcome(row: Row, measured: Measured, scene: Scene) -> Outcome:
    violations = (text for name, text in scene.violations if name == row.id)
    return Outcome(row, _seconds(row, measured), measured.peak_mib, (*violations, *_problems(row, measured)))


@contextmanager
def _healthy(scene: Scene, *, real: bool) -> Iterator[None]:
    """Add two hosts without a fault."""
    with ExitStack() as stack:
        scene.roles |= {HEALTHY[0]: "shell", HEALTHY[1]: "engine"}
        write_expected(scene.expected, scene.roles)
        names = HEALTHY[1:] if real else HEALTHY
        fleet = load(scene.expected, KINDS)


        fleet = replace(fleet, hosts={name: fleet.hosts[name] for name in names})
        simulation = stack.enter_context(simulated(fleet))
        blocks = simulation.ssh_config.read_text(encoding="ascii").split("Host ")
        common = tuple(line.strip() for line in blocks[-1].splitlines()[1:])
        for block in blocks[1:-1]:
            name, *lines = (line.strip() for line in block.splitlines())
            scene.targets[name] = Target((*lines, *common))
        if real:
            scene.id = HEALTHY[0]
            scene.targets[HEALTHY[0]] = stack.enter_context(sshd(scene))
        yield


def _problems(row: Row, measured: Measured) -> Iterator[str]:
    """List what is not as the row expects."""
    if measured.killed:
        yield measured.killed
    if measured.seconds > row.timeout + GRACE_SECONDS + 0.5:
        yield f"the process ended after {measured.seconds:g} s"
    if measured.peak_mib > PEAK_MIB:
        yield f"the process took {measured.peak_mib:.0f} MiB"
    if isinstance(row.expect, Exits):
        if measured.code != row.expect.code:
            yield f"exit code {measured.code}"
        if row.expect.text not in measured.stderr:
            yield f"standard error: {measured.stderr[-600:]}"
        if row.expect.prints and not measured.report:
            yield "the report was not printed"
        return
    if measured.code not in (0, 1, 3):
        yield f"exit code {measured.code}: {measured.stderr[-600:]}"
    if not measured.report:
        yield f"no report: {measured.stderr[-600:]}"
        return
    yield from _of_host(row, measured)
    for host in HEALTHY if row.healthy else ():
        yield from _of_healthy(host, measured)


def _of_host(row: Row, measured: Measured) -> Iterator[str]:
    host = _host(row.id, measured)
    if host["duration_seconds"] > row.timeout + GRACE_SECONDS:
        yield f"the host took {host['duration_seconds']:g} s"
    findings = _findings(row.id, measured)
    yield from (
        f"{one['check']} has no reason: {one['message']!r}"
        for one in findings
        if one["verdict"] == "unknown" and not _reasoned(one["message"])
    )
    match row.expect:
        case Fails(reason, text):
            failure = host["failure"] or {}
            if failure.get("reason") != reason or text not in str(failure.get("message")):
                yield f"failure is {failure or _loud(findings)}"
        case Finds(check, status, text) as expected:
            if not any(one["check"] == check and _says(one, status, text) for one in findings):
                yield f"no such finding, failure {host['failure']}: {_loud(findings)}"
            if wrong := _loud(one for one in findings if not expected.affected(one["check"])):
                yield f"other checks are not ok: {wrong}"
        case Passes():
            if host["verdict"] != "ok":
                yield f"not ok: {host['failure'] or _loud(findings)}"


def _says(finding: dict[str, Any], status: str, text: str) -> bool:
    said = f"{finding['message']} {finding['observed']} {finding['advice'] if 'advice' in finding else ''}"
    return finding["verdict"] == status and text in said


def _reasoned(message: str) -> bool:
    return bool(message.strip()) and re.search(r":\W*$", message) is None


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


def _seconds(row: Row, measured: Measured) -> float:
    if isinstance(row.expect, Exits) or not measured.report:
        return measured.seconds
    seconds: float = _host(row.id, measured)["duration_seconds"]
    return seconds
