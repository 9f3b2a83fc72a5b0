"""The report as a Nagios plugin's output, for Nagios, Icinga, Naemon and NRPE.

The first line has the status, the counts, the worst finding and, after `|`, performance data; lines after it
name what is not as expected, the worst first. Performance data has thresholds only where crossing them is what
sets the status.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from olaudit.model import Finding, Report, Severity, Verdict
from olaudit.render.style import Style
from olaudit.text import visible

MAX_OUTPUT_BYTES = 4000
"""How many bytes the output may have: Nagios keeps 8 KB, older NRPE half of that."""

_WIDEST = 300  # bytes of one line's text: 1 KB, all that the oldest NRPE passes on, has the first line whole
_SPECIAL = frozenset("|<>`$")  # parts text from data, makes markup in old web pages, is read by notifying shells
_SEVERITIES = tuple(Severity)


class Status(IntEnum):
    """The exit codes of a plugin."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


def status(report: Report) -> Status:
    """Give the plugin's status: drift by its severity, else anything unknown or left undone, else OK.

    Findings of severity info have no say here either.
    """
    told = {(one.verdict, one.severity) for one in report.findings if one.severity is not Severity.INFO}
    if (Verdict.DRIFT, Severity.CRITICAL) in told:
        return Status.CRITICAL
    if (Verdict.DRIFT, Severity.WARNING) in told:
        return Status.WARNING
    unknown = any(verdict is Verdict.UNKNOWN for verdict, _ in told)
    return Status.UNKNOWN if unknown or not report.run.complete else Status.OK


def render(report: Report, _style: Style) -> str:
    """Give the output."""
    told = sorted((one for one in report.findings if one.verdict in _RANKS), key=_rank)
    worst = f"; worst: {_name(told[0])}" if told else ""
    part = "" if report.run.complete else "interrupted: "
    first = status_line(status(report), f"{part}{_counts(report)}{worst}") + f" | {' '.join(_data(report))}"
    return "\n".join(_bounded([first, *(_line(finding) for finding in told)])) + "\n"


def status_line(state: Status, text: str) -> str:
    """Give a first line that says `text`, without performance data."""
    return f"OLAUDIT {state.name} - {_plain(text)}"


_RANKS = {Verdict.DRIFT: 0, Verdict.UNKNOWN: 1}


def _rank(finding: Finding) -> tuple[bool, int, int]:
    """Sort as `status` judges: drift, then unknown, each by severity; info last."""
    severity = _SEVERITIES.index(finding.severity)
    return finding.severity is Severity.INFO, _RANKS[finding.verdict], severity


def _counts(report: Report) -> str:
    drift, unknown, waived = map(report.count, (Verdict.DRIFT, Verdict.UNKNOWN, Verdict.WAIVED))
    counts = f"{drift} drift, {unknown} unknown" + (f", {waived} waived" if waived else "")
    hosts = len(report.hosts) - report.unreachable
    return f"{counts} of {len(report.findings)} checks, {hosts} of {len(report.hosts)} hosts"


def _name(finding: Finding) -> str:
    return f"{finding.host} {finding.check} {finding.subject}"


def _line(finding: Finding) -> str:
    return _plain(f"{finding.verdict.upper()} {finding.severity} {_name(finding)}: {finding.message}")


def _data(report: Report) -> Iterator[str]:
    """Give the performance data: 'label'=value[UOM];[warn];[crit];[min];[max]."""
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
    """Make `text` one short line without what means something to Nagios."""
    shown = "".join(f"\\x{ord(one):02x}" if one in _SPECIAL else one for one in visible(text))
    if len(shown.encode()) <= _WIDEST:
        return shown
    return shown.encode()[: _WIDEST - 3].decode(errors="ignore") + "..."


def _bounded(lines: list[str]) -> Iterator[str]:
    """Give as many lines as there is room for; the last one says how many there was none for."""
    room = MAX_OUTPUT_BYTES - len(f"... and {len(lines)} more\n")
    for number, one in enumerate(lines):
        room -= len(one.encode()) + 1
        if room < 0:
            yield f"... and {len(lines) - number} more"
            return
        yield one
