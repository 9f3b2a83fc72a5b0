"""Renderer for Graphite's plaintext protocol: lines of `path value timestamp`, for carbon's port 2003.

Paths consist of host names from the expected files and of check ids only, so that no answer of a host creates a
series. A host that could not be audited has no counts of ok, drift and waived: a gap, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from olaudit.model import Finding, HostResult, Report, Verdict
from olaudit.render.style import Style


def render(report: Report, _style: Style) -> str:
    """Render the lines, all with the time at which the run ended (seconds since 1970)."""
    timestamp = int(datetime.fromisoformat(report.run.finished_at).timestamp())
    return "".join(f"olaudit.{path} {value:.10g} {timestamp}\n" for path, value in _series(report))


def _series(report: Report) -> Iterator[tuple[str, float]]:
    failed_hosts = {host.host for host in report.hosts if host.failure}
    audited = [finding for finding in report.findings if finding.host not in failed_hosts]
    yield "hosts", len(report.hosts)
    yield "unreachable", report.unreachable
    yield "checks", len(report.findings)
    yield "complete", report.run.complete
    yield "duration_seconds", report.run.duration_seconds
    yield from _counts("", report.findings, unknown_only=not audited)
    for host in report.hosts:
        yield from _host(host, [finding for finding in report.findings if finding.host == host.host])
    for section in sorted({_section(finding) for finding in audited}):
        findings = [finding for finding in audited if _section(finding) == section]
        yield from _counts(f"check.{section}.", findings)


def _host(host: HostResult, findings: Iterable[Finding]) -> Iterator[tuple[str, float]]:
    path = f"host.{host.host.replace('.', '_')}."  # host names have no underscore, so paths stay unique
    yield f"{path}up", host.failure is None
    yield f"{path}duration_seconds", host.duration_seconds
    yield from _counts(path, findings, unknown_only=host.failure is not None)


def _counts(path: str, findings: Iterable[Finding], *, unknown_only: bool = False) -> Iterator[tuple[str, float]]:
    verdicts = [finding.verdict for finding in findings]
    for verdict in Verdict:
        if verdict is Verdict.UNKNOWN or not unknown_only:
            yield f"{path}{verdict}", verdicts.count(verdict)


def _section(finding: Finding) -> str:
    return finding.check.partition(".")[0]
