"""Renderer for GitHub's Markdown, for wikis, comments and the files of the nightly report.

Every text from a host or an expected file is in a code span or a code block. There, nothing is markup, a link,
an image, a mention or a reference. Tables contain only host names, failure reasons and counts: parsers disagree
about how `|` is escaped in a table.
"""

import re
from collections.abc import Iterable, Iterator

from olaudit.audit import worst_verdict
from olaudit.model import FLEET, Changes, Finding, Report, Verdict
from olaudit.render import view
from olaudit.render.style import Style
from olaudit.text import visible

_MAX_VALUE = 500  # characters of one value; the JSON document has the full text
_NOT_OK = (Verdict.DRIFT, Verdict.UNKNOWN, Verdict.WAIVED)


def render(report: Report, style: Style) -> str:
    """Render the verdict, the hosts that are not as expected, then every finding once."""
    blocks = [*_verdict(report), *_hosts(report), *_sections(report, style)]
    return "\n\n".join(blocks) + "\n"


# --- overview --------------------------------------------------------------------------------------------------


def _verdict(report: Report) -> Iterator[str]:
    counts = ", ".join(f"{report.count(verdict)} {verdict}" for verdict in _NOT_OK)
    yield f"**{worst_verdict(report.findings).upper()}**: {counts} of {view.coverage(report)}"
    if not report.run.complete:
        yield f"**INCOMPLETE**: {view.interruption(report)}"
    if report.changes and report.changes.since is None:
        yield "There is no earlier run to compare with."


def _hosts(report: Report) -> Iterator[str]:
    """Render the table of hosts that are not as expected, with counts. It contains no text from a host.

    Counts of a host that was not audited are unknown, not 0.
    """
    failures = {host.host: host.failure for host in report.hosts} | {FLEET: None}
    findings = view.group_by_host(report.findings)
    rows = []
    for host, failure in failures.items():
        counts = view.count_verdicts(findings.get(host, []), _NOT_OK).values()
        if any(counts):
            mark = f" **not audited** ({failure.reason})" if failure else ""
            numbers = (str(count) if count or not failure else "?" for count in counts)
            rows.append(f"| {_code(host)}{mark} | {' | '.join(numbers)} |")
    if rows:
        yield "\n".join(["| host | drift | unknown | waived |", "| --- | ---: | ---: | ---: |", *rows])


# --- findings --------------------------------------------------------------------------------------------------


def _sections(report: Report, style: Style) -> Iterator[str]:
    by_verdict = dict.fromkeys(Verdict, ()) | view.group(report.findings, lambda finding: finding.verdict)
    drift = sorted(by_verdict[Verdict.DRIFT], key=view.severity_rank)
    if report.changes:
        new = report.changes.new
        yield from _section("New", [finding for finding in drift if finding.id in new], report)
        yield from _titled("Resolved", _resolved(report.changes))
        yield from _section("Unchanged", [finding for finding in drift if finding.id not in new], report)
    else:
        yield from _section("Drift", drift, report)
    yield from _section("Unknown", by_verdict[Verdict.UNKNOWN], report)
    if report.changes:
        yield from _titled("Unobserved drift", _unobserved(report.changes))
    yield from _section("Waived", by_verdict[Verdict.WAIVED], report)
    if style.all:
        yield from _section("As expected", by_verdict[Verdict.OK], report)


def _section(title: str, findings: Iterable[Finding], report: Report) -> Iterator[str]:
    return _titled(title, ("\n".join(_entry(finding, report)) for finding in findings))


def _titled(title: str, entries: Iterable[str]) -> Iterator[str]:
    """Render a section; nothing if it has no entries."""
    if listed := tuple(entries):
        yield "\n".join([f"## {title} ({len(listed)})", "", *listed]).rstrip()


def _entry(finding: Finding, report: Report) -> Iterator[str]:
    """Render one finding: one line if it is ok, else with its details."""
    yield f"- {_label(finding)}{_since(finding, report)}"
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


def _label(finding: Finding) -> str:
    severity = f"**{finding.severity}** " if finding.verdict in (Verdict.DRIFT, Verdict.UNKNOWN) else ""
    return f"{severity}{_code(finding.host)} {_code(finding.check)} {_code(finding.subject)}"


def _since(finding: Finding, report: Report) -> str:
    new = report.changes and finding.id in report.changes.new
    if finding.first_seen is None or finding.verdict is Verdict.OK or new:
        return ""
    return f" for {view.age(finding.first_seen, report.run.started_at)}, since {view.moment(finding.first_seen)}"


def _resolved(changes: Changes) -> Iterator[str]:
    for drift in changes.resolved:
        yield f"- {_label(drift.finding)} {drift.ending}, last seen {view.moment(drift.last_seen)}"


def _unobserved(changes: Changes) -> Iterator[str]:
    """Render the drift whose checks this run could not evaluate, as it was last seen."""
    for drift in changes.unobserved:
        waived = " (waived)" if drift.finding.verdict is Verdict.WAIVED else ""
        yield f"- {_label(drift.finding)}{waived} last seen {view.moment(drift.last_seen)}"


# --- text ------------------------------------------------------------------------------------------------------


def _code(text: str) -> str:
    """Format a code span, with a fence of more backticks than `text` has in a row."""
    shown = visible(text)
    if len(shown) > _MAX_VALUE:
        shown = f"{shown[:_MAX_VALUE]}{view.MORE}"
    if not shown.strip():
        return "(spaces)" if shown else "(nothing)"
    fence = "`" * (_longest_backtick_run(shown) + 1)
    # parsers strip one space from each end: pad a text that would lose its own space, or join the fence
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _block(command: str) -> Iterator[str]:
    """Format a code block, for which GitHub shows a copy button; a command is never shortened."""
    fence = "`" * max(3, _longest_backtick_run(command) + 1)
    yield from (f"{fence}sh", visible(command), fence)


def _longest_backtick_run(text: str) -> int:
    """Return the length of the longest run of backticks."""
    return max(map(len, re.findall("`+", text)), default=0)
