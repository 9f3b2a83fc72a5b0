"""Builders of runs, findings, host results and reports, with default values for what a test does not state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from olaudit.checks import CHECKERS
from olaudit.model import Finding, HostResult, Report, Run, Severity, Verdict

RUN = Run(
    id="20261122T030000Z-5f3a",
    started_at="2026-11-22T03:00:00Z",
    finished_at="2026-11-22T03:00:01Z",
    duration_seconds=1.0,
    olaudit_version="0.1.0",
    expected_revision="3f1c2d9a7b60",
    complete=True,
)
FINDING = Finding(
    host="a",
    check="kernel.name",
    subject="kernel",
    verdict=Verdict.DRIFT,
    severity=Severity.WARNING,
    expected="Linux",
    observed="Minix",
    message="the kernel is Minix",
    fix=None,
    source="expected/hosts/a.yaml:2",
)
HOST_RESULT = HostResult(host="a", verdict=Verdict.OK, failure=None, duration_seconds=0.5)


def run(**changes: Any) -> Run:
    """Build a complete run of one second; `changes` are fields with other values."""
    return replace(RUN, **changes)


def finding(**changes: Any) -> Finding:
    """Build a drift of the kernel of host a; `changes` are fields with other values."""
    return replace(FINDING, **changes)


def host_result(**changes: Any) -> HostResult:
    """Build the result of the audited host a, verdict ok; `changes` are fields with other values."""
    return replace(HOST_RESULT, **changes)


METRICS = tuple(metric for checker in CHECKERS for metric in checker.metrics)
"""The metrics of measured numbers that the checkers declare."""


def report(findings: Iterable[Finding] = (), hosts: Iterable[HostResult] = (), run: Run = RUN) -> Report:
    """Build a report of `findings` as they are: unsorted, and independent of the verdicts of `hosts`."""
    return Report(run=run, hosts=tuple(hosts), findings=tuple(findings), metrics=METRICS)
