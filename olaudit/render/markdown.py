"""The report as GitHub's Markdown, for wikis, comments and the nightly files.

Whatever is not this file's own words stands in a code span or a code block: there, nothing is markup, a link,
an image, a mention or a reference. What has a `|` is never put into a table, because parsers disagree about
escaping it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from olaudit.audit import worst_verdict
from olaudit.model import FLEET, Changes, Failure, Finding, Report, Severity, Verdict
from olaudit.render.ages import age, moment
from olaudit.render.style import Style
from olaudit.text import visible

_LONGEST = 500  # characters of one value: people read the beginning, programs read json
_SEVERITIES = tuple(Severity)


def render(report: Report, style: Style) -> str:
    """Give the page: the verdict, the hosts where something is not as expected, then every finding once."""
    blocks = [*_verdict(report), *_hosts(report), *_sections(report, style)]
    return "\n\n".join(blocks) + "\n"


# --- at a glance -----------------------------------------------------------------------------------------------


def _verdict(report: Report) -> Iterator[str]:
    audited, total = len(report.hosts) - report.unreachable, len(report.hosts)
    counts = ", ".join(f"{report.count(verdict)} {verdict}" for verdict in list(Verdict)[1:])
    yield (
        f"**{worst_verdict(report.findings).upper()}**: {counts} of {len(report.findings)} checks; "
        f"{audited} of {total} hosts audited, {moment(report.run.started_at)}"
    )
    if not report.run.complete:
        yield f"**INCOMPLETE**: interrupted after {report.run.duration_seconds:.1f} s"
    if report.changes and report.changes.since is None:
        yield "There is no earlier run to compare with."


def _hosts(report: Report) -> Iterator[str]:
    """Count by host, those that are not all as expected. Nothing here is a host's own word."""
    failures = {host.host: host.failure for host in report.hosts} | {FLEET: None}
    rows = [_row(host, failure, report) for host, failure in failures.items() if any(_counts(host, report))]
    if rows:
        yield "\n".join(["| host | drift | unknown | waived |", "| --- | ---: | ---: | ---: |", *rows])


def _row(host: str, failure: Failure | None, report: Report) -> str:
    """Show one host; of one that was not audited nobody can say 0."""
    mark = f" **not audited** ({failure.reason})" if failure else ""
    numbers = (str(number) if number or not failure else "?" for number in _counts(host, report))
    return f"| {_code(host)}{mark} | {' | '.join(numbers)} |"


def _counts(host: str, report: Report) -> tuple[int, ...]:
    verdicts = [finding.verdict for finding in report.findings if finding.host == host]
    return tuple(verdicts.count(verdict) for verdict in (Verdict.DRIFT, Verdict.UNKNOWN, Verdict.WAIVED))


# --- findings --------------------------------------------------------------------------------------------------


def _sections(report: Report, style: Style) -> Iterator[str]:
    by = {verdict: [one for one in report.findings if one.verdict is verdict] for verdict in Verdict}
    drift = sorted(by[Verdict.DRIFT], key=lambda one: _SEVERITIES.index(one.severity))
    if report.changes:
        new = report.changes.new
        yield from _section("New", [one for one in drift if one.id in new], report)
        yield from _ended(report.changes)
        yield from _section("Still there", [one for one in drift if one.id not in new], report)
    else:
        yield from _section("Drift", drift, report)
    yield from _section("Unknown", by[Verdict.UNKNOWN], report)
    if report.changes:
        yield from _hidden(report.changes)
    yield from _section("Waived", by[Verdict.WAIVED], report)
    if style.all:
        yield from _section("As expected", by[Verdict.OK], report)


def _section(title: str, findings: Sequence[Finding], report: Report) -> Iterator[str]:
    if findings:
        yield _titled(title, ["\n".join(_entry(finding, report)) for finding in findings])


def _titled(title: str, entries: Sequence[str]) -> str:
    return "\n".join([f"## {title} ({len(entries)})", "", *entries]).rstrip()


def _entry(finding: Finding, report: Report) -> Iterator[str]:
    """Show one finding; what is ok takes one line."""
    yield f"- {_head(finding)}{_since(finding, report)}"
    if finding.verdict is Verdict.OK:
        return
    details = {"why": finding.message, "expected": finding.expected, "observed": finding.observed}
    if waiver := finding.waiver:
        details |= {
            "waived by": f"{waiver.owner} until {waiver.expires}: {waiver.reason}",
            "ticket": waiver.ticket,
        }
    yield from (
        f"  - {name} {_code(text)}" for name, text in (details | {"source": finding.source}).items() if text
    )
    if finding.fix:
        yield from ("  - fix", "", *(f"    {line}" for line in _block(finding.fix)), "")


def _head(finding: Finding) -> str:
    loud = f"**{finding.severity}** " if finding.verdict in (Verdict.DRIFT, Verdict.UNKNOWN) else ""
    return f"{loud}{_code(finding.host)} {_code(finding.check)} {_code(finding.subject)}"


def _since(finding: Finding, report: Report) -> str:
    new = report.changes and finding.id in report.changes.new
    if finding.first_seen is None or finding.verdict is Verdict.OK or new:
        return ""
    return f" for {age(finding.first_seen, report.run.started_at)}, since {moment(finding.first_seen)}"


def _ended(changes: Changes) -> Iterator[str]:
    if changes.resolved:
        yield _titled(
            "Gone",
            [
                f"- {_head(gone.finding)} {gone.ending}, last seen {moment(gone.last_seen)}"
                for gone in changes.resolved
            ],
        )


def _hidden(changes: Changes) -> Iterator[str]:
    """Show the drift that this run could not look at: neither mended nor seen."""
    if changes.unobserved:
        lines = [
            f"- {_head(one.finding)}{' (waived)' * (one.finding.verdict is Verdict.WAIVED)}"
            f" last seen {moment(one.last_seen)}"
            for one in changes.unobserved
        ]
        yield _titled("Hidden drift, as last seen", lines)


# --- text ------------------------------------------------------------------------------------------------------


def _code(text: str) -> str:
    """Make a code span, within a fence of more backticks than `text` has in a row."""
    shown = visible(text)
    if len(shown) > _LONGEST:
        shown = f"{shown[:_LONGEST]} ... (json has more)"
    if not shown.strip():
        return "(nothing)" if not shown else "(spaces)"
    fence = "`" * (_ticks(shown) + 1)
    # the one space that parsers take off, where what begins or ends so would lose its own or join the fence
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _block(command: str) -> Iterator[str]:
    """Make a code block, which GitHub gives a button to copy it by; a command is never shortened."""
    fence = "`" * max(3, _ticks(command) + 1)
    yield from (f"{fence}sh", visible(command), fence)


def _ticks(text: str) -> int:
    """Count the backticks of the longest run of them."""
    return max(map(len, re.findall("`+", text)), default=0)
