"""The report as lines of Graphite's plaintext protocol: `path value timestamp`, to be sent to carbon's port 2003.

Paths are made of the expected files' hosts and of check ids only, so that nothing a host says can make a
series. What could not be audited has no counts of what is ok or drifts: a gap, never a 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from olaudit.model import Finding, HostResult, Report, Verdict
from olaudit.render.style import Style


def render(report: Report, _style: Style) -> str:
    """Give the lines, all with the moment at which the run ended (seconds since 1970)."""
    moment = int(datetime.fromisoformat(report.run.finished_at).timestamp())
    return "".join(f"olaudit.{path} {value:.10g} {moment}\n" for path, value in _series(report))


def _series(report: Report) -> Iterator[tuple[str, float]]:
    blind = {host.host for host in report.hosts if host.failure}
    seen = [finding for finding in report.findings if finding.host not in blind]
    yield "hosts", len(report.hosts)
    yield "unreachable", report.unreachable
    yield "checks", len(report.findings)
    yield "complete", report.run.complete
    yield "duration_seconds", report.run.duration_seconds
    yield from _counts("", report.findings, none_seen=not seen)
    for host in report.hosts:
        yield from _host(host, [finding for finding in report.findings if finding.host == host.host])
    for kind in sorted({_kind(finding) for finding in seen}):
        yield from _counts(f"check.{kind}.", [finding for finding in seen if _kind(finding) == kind])


def _host(host: HostResult, findings: Iterable[Finding]) -> Iterator[tuple[str, float]]:
    path = f"host.{host.host.replace('.', '_')}."  # host names have no underscore: no two become one
    yield f"{path}up", host.failure is None
    yield f"{path}duration_seconds", host.duration_seconds
    yield from _counts(path, findings, none_seen=host.failure is not None)


def _counts(path: str, findings: Iterable[Finding], *, none_seen: bool = False) -> Iterator[tuple[str, float]]:
    verdicts = [finding.verdict for finding in findings]
    for verdict in Verdict:
        if verdict is Verdict.UNKNOWN or not none_seen:
            yield f"{path}{verdict}", verdicts.count(verdict)


def _kind(finding: Finding) -> str:
    return finding.check.partition(".")[0]
