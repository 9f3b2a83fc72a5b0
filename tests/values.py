"""Values that many tests need, and none cares about."""

from __future__ import annotations

from olaudit.model import Finding, Run, Severity, Verdict

RUN = Run(
    id="20261122T030000Z-5f3a",
    started_at="2026-11-22T03:00:00Z",
    finished_at="2026-11-22T03:00:01Z",
    duration_seconds=1.0,
    olaudit_version="0.1.0",
    expected_revision="3f1c2d9a7b60",
    complete=True,
)
FOUND = Finding(
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
