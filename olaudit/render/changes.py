"""Text of what changed since the last run, for cron's mail: new drift, then resolved, unchanged and unknown.

This is not a format of `olaudit check`, because it needs the report's `changes`, which come from the history. The
first line is the verdict, and is complete by itself. Everything that is not new takes one line each.
"""

from collections.abc import Iterable, Iterator, Sequence

from olaudit.audit import worst_verdict
from olaudit.model import Changes, Finding, Report, ResolvedDrift, UnobservedDrift, Verdict
from olaudit.render import view
from olaudit.render.style import Style, columns

_INDENT = " " * 6  # of messages; titles are wrapped to the same width
_MAX_OBSERVED_AGAIN = 8  # of these findings, a reader needs the number and some examples


def render(report: Report, style: Style) -> str:
    """Render the changes of a report; without history, all drift counts as unchanged."""
    changes = report.changes or Changes()
    drift = [finding for finding in report.findings if finding.verdict is Verdict.DRIFT]
    drift.sort(key=lambda finding: (view.severity_rank(finding), finding.first_seen or ""))  # the oldest first
    new = [finding for finding in drift if finding.id in changes.new]
    unchanged = [_unchanged(finding, report) for finding in drift if finding.id not in changes.new]
    blocks = [
        "\n".join([*_verdict(report, len(new), style), "", *_new(new, changes, style)]),
        *_block("RESOLVED", map(_resolved, changes.resolved), style),
        *_block("UNCHANGED", unchanged, style),
        *_titled("UNKNOWN", report.count(Verdict.UNKNOWN), _unknown(report, changes, style), style),
        *_block("UNOBSERVED", (_unobserved(drift, report) for drift in changes.unobserved), style),
        *_titled("OBSERVED AGAIN", len(changes.observed_again), _observed_again(report, changes, style), style),
        *_block("WAIVED", _waived(report), style),
    ]
    return "\n\n".join(blocks) + "\n"


# --- verdict and new drift -------------------------------------------------------------------------------------


def _verdict(report: Report, new: int, style: Style) -> Iterator[str]:
    if not report.run.complete:
        yield style.paint(f"INCOMPLETE: {view.interruption(report)}", "unreachable")
    verdict = worst_verdict(report.findings)
    counts = f"{report.count(Verdict.DRIFT)} drift" + (f" ({new} new)" if new else "")
    counts += f", {report.count(Verdict.UNKNOWN)} unknown"
    counts += f", {waived} waived" if (waived := report.count(Verdict.WAIVED)) else ""
    yield f"{style.paint(verdict.upper(), view.verdict_tone(verdict))}: {counts} of {view.coverage(report)}"


def _new(new: Sequence[Finding], changes: Changes, style: Style) -> Iterator[str]:
    """Render new drift in full, with its message and fix."""
    since = f"since {view.moment(changes.since)}" if changes.since else "there is no earlier run to compare with"
    title = f"NEW ({len(new)}), {since}" if new else f"NEW: none, {since}"
    yield style.paint(title, "bold")
    for finding in new:
        summary = f"{finding.severity}  {finding.host}  {finding.check}  {finding.subject}"
        yield f"  {style.paint(summary, view.tone(finding))}  {style.paint(finding.id, 'dim')}"
        yield from style.wrap(finding.message, indent=_INDENT)
        if finding.fix:
            yield f"{_INDENT}fix: {finding.fix}"  # not wrapped, so that it can be pasted


# --- drift and waivers of earlier runs --------------------------------------------------------------------------


def _titled(title: str, count: int, lines: Iterable[str], style: Style) -> Iterator[str]:
    return style.block(f"{title} ({count})", lines if count else ())


def _block(title: str, rows: Iterable[Sequence[str]], style: Style) -> Iterator[str]:
    """Render one line per row, in columns, under a title."""
    listed = tuple(rows)
    return _titled(title, len(listed), columns(listed), style)


def _resolved(drift: ResolvedDrift) -> Sequence[str]:
    finding = drift.finding
    period = f"drift from {view.moment(finding.first_seen)} to {view.moment(drift.last_seen)}"
    return *_name(finding), f"{drift.ending}; {period}"


def _unchanged(finding: Finding, report: Report) -> Sequence[str]:
    return finding.severity, _age(finding, report), *_name(finding), _shortened(finding.observed)


def _unobserved(drift: UnobservedDrift, report: Report) -> Sequence[str]:
    """Return the row of a drift that this run could not observe: neither resolved nor confirmed."""
    finding, last_seen = drift.finding, f"last seen {view.moment(drift.last_seen)}"
    return drift.severity_or_waived, _age(finding, report), *_name(finding), last_seen


def _waived(report: Report) -> Iterator[Sequence[str]]:
    for finding in report.findings:
        if waiver := finding.waiver:
            yield *_name(finding), f"until {waiver.expires}, {waiver.accepted_by}"


def _name(finding: Finding) -> tuple[str, str, str]:
    return finding.host, finding.check, finding.subject


# --- unknown -----------------------------------------------------------------------------------------------------


def _unknown(report: Report, changes: Changes, style: Style) -> Iterator[str]:
    """Render hosts that could not be audited, then the other unknowns: one entry per cause, new ones marked."""
    failures = view.failures(report)

    def cause(finding: Finding) -> tuple[bool, str, str, str]:
        duration = f", for {_age(finding, report)}" if finding.first_seen else ""
        suffix = ", new" if finding.id in changes.newly_unknown else duration
        if finding.host in failures:
            return False, "", view.common_cause(finding.message, finding.host), suffix
        return True, finding.host, finding.message, suffix

    causes = view.group((finding for finding in report.findings if finding.verdict is Verdict.UNKNOWN), cause)
    for (_, _, message, suffix), findings in sorted(causes.items(), key=lambda entry: entry[0]):
        host = findings[0].host
        if failure := failures.get(host):
            title = f"{' '.join(finding.host for finding in findings)}  NOT AUDITED ({failure.reason}){suffix}"
        else:
            title = f"{host}  {view.entry_title(findings)}{suffix}"
        yield from (f"  {style.paint(line, 'unknown')}" for line in style.wrap(title, taken=len(_INDENT)))
        yield from style.wrap(findings[0].message if len(findings) == 1 else message, indent=_INDENT)


def _observed_again(report: Report, changes: Changes, style: Style) -> Iterator[str]:
    names = [
        f"{finding.host} {finding.check}" + (f" {finding.subject}" if finding.check != "host.reachable" else "")
        for finding in report.findings
        if finding.id in changes.observed_again
    ]
    shown = names[:_MAX_OBSERVED_AGAIN]
    more = len(changes.observed_again) - len(shown)
    text = ", ".join(shown) + (f" and {more} more" if more and shown else "")
    lines = style.wrap(text or "what was unknown is no longer evaluated", taken=len(_INDENT))
    return (f"  {line}" for line in lines)


# --- text --------------------------------------------------------------------------------------------------------


def _age(finding: Finding, report: Report) -> str:
    return view.age(finding.first_seen, report.run.started_at) if finding.first_seen else "?"


def _shortened(text: str) -> str:
    return f"{text[:36]} ..." if len(text) > 40 else text
