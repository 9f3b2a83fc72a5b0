"""What a morning reader needs, for cron's mail: what is new, then gone, then still there, then unknown.

Not a format of `olaudit check`: it needs a report that history was asked about (`Report.changes`). The first line
is the verdict and can be read alone; what is known already takes a line each, so that it does not cry wolf.
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
_NARROWEST = 60
_MOST_NAMED = 8  # of what can be looked at again, people need to know that and roughly where, not each
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
    """Give the text. Without history everything that drifts counts as still there."""
    changes = report.changes or _NO_HISTORY
    drift = _by_urgency(found for found in report.findings if found.verdict is Verdict.DRIFT)
    new = [found for found in drift if found.id in changes.new]
    still = [found for found in drift if found.id not in changes.new]
    blocks = [
        "\n".join([*_verdict(report, len(new), style), "", *_new(new, changes, style)]),
        *_block("GONE", len(changes.resolved), _gone(changes), style),
        *_block("STILL THERE", len(still), _still(still, report), style),
        *_block("UNKNOWN", report.count(Verdict.UNKNOWN), _unknown(report, changes, style), style),
        *_block("HIDDEN DRIFT, as last seen", len(changes.unobserved), _hidden(changes.unobserved, report), style),
        *_block("KNOWN AGAIN", len(changes.observed_again), _known_again(report, changes, style), style),
        *_block("WAIVED", report.count(Verdict.WAIVED), _waived(report), style),
    ]
    return "\n\n".join(blocks) + "\n"


# --- what comes first ------------------------------------------------------------------------------------------


def _verdict(report: Report, new: int, style: Style) -> Iterator[str]:
    if not report.run.complete:
        loud = f"INCOMPLETE: interrupted after {report.run.duration_seconds:.1f} s"
        yield style.paint(loud, "unreachable")
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
    """Show what is new in full: it is what the mail was opened for."""
    against = f"since {moment(changes.since)}" if changes.since else "there is no earlier run to compare with"
    head = f"NEW ({len(new)}), {against}" if new else f"NEW: nothing, {against}"
    yield style.paint(head, "bold")
    for found in new:
        what = f"{found.severity}  {found.host}  {found.check}  {found.subject}"
        yield f"  {style.paint(what, tone(found.verdict, found.severity))}  {style.paint(found.id, 'dim')}"
        yield from (f"      {line}" for line in _wrap(found.message, style))
        if found.fix:
            yield f"      fix: {found.fix}"  # unbroken: what is pasted must be whole


# --- what is known -----------------------------------------------------------------------------------------------


def _block(title: str, count: int, lines: Iterable[str], style: Style) -> Iterator[str]:
    if count:
        yield "\n".join([style.paint(f"{title} ({count})", "bold"), *lines])


def _gone(changes: Changes) -> Iterator[str]:
    return _columns(
        [
            (
                gone.finding.host,
                gone.finding.check,
                gone.finding.subject,
                f"{gone.ending}; drift from {moment(gone.finding.first_seen)} to {moment(gone.last_seen)}",
            )
            for gone in changes.resolved
        ]
    )


def _still(still: Iterable[Finding], report: Report) -> Iterator[str]:
    return _columns(
        [
            (found.severity, _age(found, report), found.host, found.check, found.subject, _short(found.observed))
            for found in still
        ]
    )


def _hidden(hidden: Iterable[UnobservedDrift], report: Report) -> Iterator[str]:
    """Show the drift that this run could not look at: neither mended nor seen."""
    return _columns(
        [
            (
                one.severity_or_waived,
                _age(one.finding, report),
                one.finding.host,
                one.finding.check,
                one.finding.subject,
                f"last seen {moment(one.last_seen)}",
            )
            for one in hidden
        ]
    )


def _waived(report: Report) -> Iterator[str]:
    return _columns(
        [
            (
                found.host,
                found.check,
                found.subject,
                f"until {found.waiver.expires}, {found.waiver.accepted_by}",
            )
            for found in report.findings
            if found.verdict is Verdict.WAIVED and found.waiver
        ]
    )


# --- what is not known -------------------------------------------------------------------------------------------


def _unknown(report: Report, changes: Changes, style: Style) -> Iterator[str]:
    """Show hosts that could not be audited, then what else is unknown: one cause one entry, news marked."""
    failures = {host.host: host.failure for host in report.hosts if host.failure}
    causes: dict[tuple[bool, str, str, str], list[Finding]] = {}
    for found in report.findings:
        if found.verdict is Verdict.UNKNOWN:
            failed = found.host in failures
            # the same but for the host's own name is one cause: a jump host that is down is one entry
            cause = found.message.replace(found.host, "<host>") if failed else found.message
            news = ", new" if found.id in changes.newly_unknown else ""
            lasting = f", for {age(found.first_seen, report.run.started_at)}" if found.first_seen else ""
            key = (not failed, "" if failed else found.host, cause, news or lasting)
            causes.setdefault(key, []).append(found)
    for (_, _, cause, lasting), same in sorted(causes.items(), key=lambda one: one[0]):
        what = _cannot(failures.get(same[0].host), same) + lasting
        yield from (f"  {style.paint(line, 'unknown')}" for line in _wrap(what, style))
        yield from (f"      {line}" for line in _wrap(same[0].message if len(same) == 1 else cause, style))


def _cannot(failure: Failure | None, same: Sequence[Finding]) -> str:
    first = same[0]
    if failure:
        return f"{' '.join(found.host for found in same)}  NOT AUDITED ({failure.reason})"
    return f"{first.host}  " + (
        f"{first.check}  {first.subject}" if len(same) == 1 else f"{len(same)} checks, one cause"
    )


def _known_again(report: Report, changes: Changes, style: Style) -> Iterator[str]:
    named = [
        f"{found.host} {found.check}" + (f" {found.subject}" if found.check != "host.reachable" else "")
        for found in report.findings
        if found.id in changes.observed_again
    ]
    more = len(changes.observed_again) - len(named[:_MOST_NAMED])
    text = ", ".join(named[:_MOST_NAMED]) + (f" and {more} more" if more and named else "")
    return (f"  {line}" for line in _wrap(text or "what was unknown is no longer judged", style))


# --- text --------------------------------------------------------------------------------------------------------


def _by_urgency(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by severity, and the oldest first."""
    return sorted(findings, key=lambda found: (_SEVERITIES.index(found.severity), found.first_seen or ""))


def _age(found: Finding, report: Report) -> str:
    return age(found.first_seen, report.run.started_at) if found.first_seen else "?"


def _short(text: str) -> str:
    return f"{text[:36]} ..." if len(text) > 40 else text


def _wrap(text: str, style: Style) -> list[str]:
    return textwrap.wrap(text, max(_NARROWEST, style.width) - 6, break_on_hyphens=False)


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    table = tabulate(rows, tablefmt="plain", disable_numparse=True)
    return (f"  {line}".rstrip() for line in table.splitlines())
