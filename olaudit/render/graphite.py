"""Renderer for Graphite's plaintext protocol: lines of `path value timestamp`, for carbon's port 2003.

Paths consist of host names from the expected files and of check ids only, so that no answer of a host creates a
series. A host that could not be audited has no counts of ok, drift and waived: a gap, never 0.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from olaudit.model import Finding, Report, Verdict
from olaudit.render import view
from olaudit.render.style import Style


def render(report: Report, _style: Style) -> str:
    """Render the lines, all with the time at which the run ended (seconds since 1970)."""
    timestamp = int(datetime.fromisoformat(report.run.finished_at).timestamp())
    return "".join(f"olaudit.{path} {value:.10g} {timestamp}\n" for path, value in _series(report))


def _series(report: Report) -> Iterator[tuple[str, float]]:
    failures = view.failures(report)
    audited = [finding for finding in report.findings if finding.host not in failures]
    yield "hosts", len(report.hosts)
    yield "unreachable", report.unreachable
    yield "checks", len(report.findings)
    yield "complete", report.run.complete
    yield "duration_seconds", report.run.duration_seconds
    yield from _counts("", report.findings, unknown_only=not audited)
    by_host = view.group_by_host(report.findings)
    for host in report.hosts:
        path = f"host.{host.host.replace('.', '_')}."  # host names have no underscore, so paths stay unique
        yield f"{path}up", host.failure is None
        yield f"{path}duration_seconds", host.duration_seconds
        yield from _counts(path, by_host.get(host.host, []), unknown_only=host.failure is not None)
    sections = view.group(audited, lambda finding: finding.check.partition(".")[0])
    for section, findings in sorted(sections.items()):
        yield from _counts(f"check.{section}.", findings)


def _counts(path: str, findings: Iterable[Finding], *, unknown_only: bool = False) -> Iterator[tuple[str, float]]:
    for verdict, count in view.count_verdicts(findings).items():
        if verdict is Verdict.UNKNOWN or not unknown_only:
            yield f"{path}{verdict}", count
