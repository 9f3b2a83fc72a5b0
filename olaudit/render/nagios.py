"""Renderer for a Nagios plugin's output, for Nagios, Icinga, Naemon and NRPE.

The first line has the status, the counts, the worst finding and, after `|`, performance data. The lines after it
list what is not as expected, the worst first. Performance data has thresholds only where crossing them sets the
status.
"""

from collections.abc import Iterator
from enum import IntEnum

from olaudit.model import Finding, Report, Severity, Verdict
from olaudit.render import view
from olaudit.render.style import Style
from olaudit.text import visible

MAX_OUTPUT_BYTES = 4000
"""Maximum size of the output in bytes: Nagios keeps 8 KB, older NRPE half of that."""

_MAX_LINE_BYTES = 300  # so that the first line fits into 1 KB, which is all that the oldest NRPE passes on
_SPECIAL = frozenset("|<>`$")  # separator of performance data; markup in old web pages; shells of notifications


class Status(IntEnum):
    """The exit codes of a plugin."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


def status(report: Report) -> Status:
    """Return the plugin's status: drift by its severity, else UNKNOWN if the audit is incomplete, else OK.

    The audit is incomplete if a check is unknown or the run was interrupted. Severity info is ignored.
    """
    verdicts = {
        (finding.verdict, finding.severity) for finding in report.findings if finding.severity is not Severity.INFO
    }
    if (Verdict.DRIFT, Severity.CRITICAL) in verdicts:
        return Status.CRITICAL
    if (Verdict.DRIFT, Severity.WARNING) in verdicts:
        return Status.WARNING
    unknown = any(verdict is Verdict.UNKNOWN for verdict, _ in verdicts)
    return Status.UNKNOWN if unknown or not report.run.complete else Status.OK


def render(report: Report, _style: Style) -> str:
    """Render the output, at most `MAX_OUTPUT_BYTES` long."""
    findings = [finding for finding in report.findings if finding.verdict in (Verdict.DRIFT, Verdict.UNKNOWN)]
    # in the order of `status`: by urgency, but info last
    findings.sort(key=lambda finding: (finding.severity is Severity.INFO, *view.rank(finding)))
    worst = f"; worst: {_name(findings[0])}" if findings else ""
    prefix = "" if report.run.complete else "interrupted: "
    data = " ".join(_performance_data(report))
    first = f"{status_line(status(report), f'{prefix}{_counts(report)}{worst}')} | {data}"
    return "\n".join(_bounded([first, *(_line(finding) for finding in findings)])) + "\n"


def status_line(state: Status, text: str) -> str:
    """Format the first line of the output, without performance data."""
    return f"OLAUDIT {state.name} - {_plain(text)}"


def _counts(report: Report) -> str:
    drift, unknown, waived = map(report.count, (Verdict.DRIFT, Verdict.UNKNOWN, Verdict.WAIVED))
    counts = f"{drift} drift, {unknown} unknown" + (f", {waived} waived" if waived else "")
    return f"{counts} of {len(report.findings)} checks, {view.audited(report)} hosts"


def _name(finding: Finding) -> str:
    return f"{finding.host} {finding.check} {finding.subject}"


def _line(finding: Finding) -> str:
    return _plain(f"{finding.verdict.upper()} {finding.severity} {_name(finding)}: {finding.message}")


def _performance_data(report: Report) -> Iterator[str]:
    """Format the performance data: 'label'=value[UOM];[warn];[crit];[min];[max]."""
    drift = [finding.severity for finding in report.findings if finding.verdict is Verdict.DRIFT]
    hosts = len(report.hosts)
    yield f"hosts={hosts};;;0"
    yield f"unreachable={report.unreachable};;;0;{hosts}"
    yield f"checks={len(report.findings)};;;0"
    yield f"ok={report.count(Verdict.OK)};;;0"
    yield f"drift_critical={drift.count(Severity.CRITICAL)};;0;0"
    yield f"drift_warning={drift.count(Severity.WARNING)};0;;0"
    yield f"drift_info={drift.count(Severity.INFO)};;;0"
    yield f"unknown={report.count(Verdict.UNKNOWN)};;;0"
    yield f"waived={report.count(Verdict.WAIVED)};;;0"
    yield f"time={report.run.duration_seconds:.3f}s;;;0"


def _plain(text: str) -> str:
    """Make `text` one line without Nagios' special characters, of at most `_MAX_LINE_BYTES`."""
    shown = "".join(f"\\x{ord(char):02x}" if char in _SPECIAL else char for char in visible(text))
    if len(shown.encode()) <= _MAX_LINE_BYTES:
        return shown
    return shown.encode()[: _MAX_LINE_BYTES - 3].decode(errors="ignore") + "..."


def _bounded(lines: list[str]) -> Iterator[str]:
    """Yield the lines that fit into the output; if some do not, the last line has their number."""
    remaining = MAX_OUTPUT_BYTES - len(f"... and {len(lines)} more\n")
    for number, line in enumerate(lines):
        remaining -= len(line.encode()) + 1
        if remaining < 0:
            yield f"... and {len(lines) - number} more"
            return
        yield line
