"""Text of what changed since the last run, for cron's mail: new drift, then resolved, unchanged and unknown.

This is not a format of `olaudit check`, because it needs the report's `changes`, which come from the history. The
first line is the verdict, and is complete by itself. Everything that is not new takes one line each.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from tabulate import tabulate

from olaudit.audit import worst_verdict
from olaudit.model import Changes, Failure, Finding, Report, Severity, UnobservedDrift, Verdict
from olaudit.render.ages import age, moment
from olaudit.render.style import Style, tone

_SEVERITIES = tuple(Severity)
_MIN_WIDTH = 60
_MAX_OBSERVED_AGAIN = 8  # of these findings, a reader needs the number and some examples
_NO_HISTORY = Changes(
    since=None,
    new=frozenset(),
    resolved=(),
    unobserved=(),
    newly_unknown=frozenset(),
    observed_again=frozenset(),
    timeline=(),
)


def render(report: Report, style: Style) -> str:
    """Render the changes of a report; without history, all drift counts as unchanged."""
    changes = report.changes or _NO_HISTORY
    drift = _by_urgency(finding for finding in report.findings if finding.verdict is Verdict.DRIFT)
    new = [finding for finding in drift if finding.id in changes.new]
    unchanged = [finding for finding in drift if finding.id not in changes.new]
    blocks = [
        "\n".join([*_verdict(report, len(new), style), "", *_new(new, changes, style)]),
        *_block("RESOLVED", len(changes.resolved), _resolved(changes), style),
        *_block("UNCHANGED", len(unchanged), _unchanged(unchanged, report), style),
        *_block("UNKNOWN", report.count(Verdict.UNKNOWN), _unknown(report, changes, style), style),
        *_block("UNOBSERVED", len(changes.unobserved), _unobserved(changes.unobserved, report), style),
        *_block("OBSERVED AGAIN", len(changes.observed_again), _observed_again(report, changes, style), style),
        *_block("WAIVED", report.count(Verdict.WAIVED), _waived(report), style),
    ]
    return "\n\n".join(blocks) + "\n"


# --- verdict and new drift -------------------------------------------------------------------------------------


def _verdict(report: Report, new: int, style: Style) -> Iterator[str]:
    if not report.run.complete:
        incomplete = f"INCOMPLETE: interrupted after {report.run.duration_seconds:.1f} s"
        yield style.paint(incomplete, "unreachable")
    verdict = worst_verdict(report.findings)
    audited = len(report.hosts) - report.unreachable
    drift = f"{report.count(Verdict.DRIFT)} drift" + (f" ({new} new)" if new else "")
    waived = f", {count} waived" if (count := report.count(Verdict.WAIVED)) else ""
    yield (
        f"{style.paint(verdict.upper(), tone(verdict, Severity.CRITICAL))}: {drift}, "
        f"{report.count(Verdict.UNKNOWN)} unknown{waived} of {len(report.findings)} checks; "
        f"{audited} of {len(report.hosts)} hosts audited, {moment(report.run.started_at)}"
    )


def _new(new: Sequence[Finding], changes: Changes, style: Style) -> Iterator[str]:
    """Render new drift in full, with its message and fix."""
    since = f"since {moment(changes.since)}" if changes.since else "there is no earlier run to compare with"
    title = f"NEW ({len(new)}), {since}" if new else f"NEW: none, {since}"
    yield style.paint(title, "bold")
    for finding in new:
        summary = f"{finding.severity}  {finding.host}  {finding.check}  {finding.subject}"
        painted = style.paint(summary, tone(finding.verdict, finding.severity))
        yield f"  {painted}  {style.paint(finding.id, 'dim')}"
        yield from (f"      {line}" for line in _wrap(finding.message, style))
        if finding.fix:
            yield f"      fix: {finding.fix}"  # not wrapped, so that it can be pasted


# --- drift and waivers of earlier runs --------------------------------------------------------------------------


def _block(title: str, count: int, lines: Iterable[str], style: Style) -> Iterator[str]:
    if count:
        yield "\n".join([style.paint(f"{title} ({count})", "bold"), *lines])


def _resolved(changes: Changes) -> Iterator[str]:
    return _columns(
        [
            (
                drift.finding.host,
                drift.finding.check,
                drift.finding.subject,
                f"{drift.ending}; drift from {moment(drift.finding.first_seen)} to {moment(drift.last_seen)}",
            )
            for drift in changes.resolved
        ]
    )


def _unchanged(findings: Iterable[Finding], report: Report) -> Iterator[str]:
    return _columns(
        [
            (
                finding.severity,
                _age(finding, report),
                finding.host,
                finding.check,
                finding.subject,
                _shortened(finding.observed),
            )
            for finding in findings
        ]
    )


def _unobserved(unobserved: Iterable[UnobservedDrift], report: Report) -> Iterator[str]:
    """Render the drift that this run could not observe: neither resolved nor confirmed."""
    return _columns(
        [
            (
                drift.severity_or_waived,
                _age(drift.finding, report),
                drift.finding.host,
                drift.finding.check,
                drift.finding.subject,
                f"last seen {moment(drift.last_seen)}",
            )
            for drift in unobserved
        ]
    )


def _waived(report: Report) -> Iterator[str]:
    return _columns(
        [
            (
                finding.host,
                finding.check,
                finding.subject,
                f"until {finding.waiver.expires}, {finding.waiver.accepted_by}",
            )
            for finding in report.findings
            if finding.verdict is Verdict.WAIVED and finding.waiver
        ]
    )


# --- unknown -----------------------------------------------------------------------------------------------------


def _unknown(report: Report, changes: Changes, style: Style) -> Iterator[str]:
    """Render hosts that could not be audited, then the other unknowns: one entry per cause, new ones marked."""
    failures = {host.host: host.failure for host in report.hosts if host.failure}
    causes: dict[tuple[bool, str, str, str], list[Finding]] = {}
    for finding in report.findings:
        if finding.verdict is Verdict.UNKNOWN:
            failed = finding.host in failures
            # messages that differ only in the host's name have one cause, such as a jump host that is down
            cause = finding.message.replace(finding.host, "<host>") if failed else finding.message
            new = ", new" if finding.id in changes.newly_unknown else ""
            duration = f", for {_age(finding, report)}" if finding.first_seen else ""
            key = (not failed, "" if failed else finding.host, cause, new or duration)
            causes.setdefault(key, []).append(finding)
    for key, findings in sorted(causes.items(), key=lambda entry: entry[0]):
        _, _, cause, suffix = key
        title = _unknown_title(failures.get(findings[0].host), findings) + suffix
        yield from (f"  {style.paint(line, 'unknown')}" for line in _wrap(title, style))
        message = findings[0].message if len(findings) == 1 else cause
        yield from (f"      {line}" for line in _wrap(message, style))


def _unknown_title(failure: Failure | None, findings: Sequence[Finding]) -> str:
    first = findings[0]
    if failure:
        return f"{' '.join(finding.host for finding in findings)}  NOT AUDITED ({failure.reason})"
    return f"{first.host}  " + (
        f"{first.check}  {first.subject}" if len(findings) == 1 else f"{len(findings)} checks, one cause"
    )


def _observed_again(report: Report, changes: Changes, style: Style) -> Iterator[str]:
    names = [
        f"{finding.host} {finding.check}" + (f" {finding.subject}" if finding.check != "host.reachable" else "")
        for finding in report.findings
        if finding.id in changes.observed_again
    ]
    shown = names[:_MAX_OBSERVED_AGAIN]
    more = len(changes.observed_again) - len(shown)
    text = ", ".join(shown) + (f" and {more} more" if more and shown else "")
    return (f"  {line}" for line in _wrap(text or "what was unknown is no longer evaluated", style))


# --- text --------------------------------------------------------------------------------------------------------


def _by_urgency(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by severity, then by age, oldest first."""
    return sorted(findings, key=lambda finding: (_SEVERITIES.index(finding.severity), finding.first_seen or ""))


def _age(finding: Finding, report: Report) -> str:
    return age(finding.first_seen, report.run.started_at) if finding.first_seen else "?"


def _shortened(text: str) -> str:
    return f"{text[:36]} ..." if len(text) > 40 else text


def _wrap(text: str, style: Style) -> list[str]:
    return textwrap.wrap(text, max(_MIN_WIDTH, style.width) - 6, break_on_hyphens=False)


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    table = tabulate(rows, tablefmt="plain", disable_numparse=True)
    return (f"  {line}".rstrip() for line in table.splitlines())
