"""Renderer for terminals: the worst hosts first, one entry per cause, and one line for hosts that are ok.

The last line counts all verdicts, including unknown, so that it can be read on its own.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from tabulate import tabulate

from olaudit.model import FLEET, Failure, Finding, HostResult, Report, Severity, Verdict, Waiver
from olaudit.render.ages import age, moment
from olaudit.render.style import Style, tone

_MIN_WIDTH = 60  # columns; in less, the labels leave too little space for text
_MAX_LINES = 5  # of one value; the JSON document has the full text
_INDENT = "  "
_SEVERITIES = tuple(Severity)
_VERDICT_ORDER = (Verdict.DRIFT, Verdict.UNKNOWN, Verdict.WAIVED, Verdict.OK)


def render(report: Report, style: Style) -> str:
    """Render the hosts that could not be audited, then the findings by host, then the summary."""
    findings = groupby(style.select_findings(report), key=lambda finding: finding.host)
    shown = {host: tuple(of_host) for host, of_host in findings}
    failed = [(host.failure, host.host) for host in report.hosts if host.failure]
    audited = [host for host in report.hosts if not host.failure]
    blocks = [
        *_failures(failed, style),
        *(
            _host(name, shown[name], report, style)
            for name in [*_worst_first(audited, shown), FLEET]
            if name in shown
        ),
        *_ok([host.host for host in audited if host.host not in shown], style),
        _summary(report, style),
    ]
    return "\n\n".join(blocks) + "\n"


# --- hosts -----------------------------------------------------------------------------------------------------


def _failures(failed: Iterable[tuple[Failure, str]], style: Style) -> Iterator[str]:
    """Render the hosts that could not be audited, grouped by cause."""
    causes: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for failure, host in failed:
        # messages that differ only in the host's name have one cause: a jump host that is down is one entry
        cause = (failure.reason, failure.message.replace(host, "<host>"))
        causes.setdefault(cause, []).append((host, failure.message))
    for (reason, template), failures in causes.items():
        hosts = [host for host, _ in failures]
        message = failures[0][1] if len(failures) == 1 else template
        badge = f"NOT AUDITED ({reason})"
        names = _painted(_wrap(" ".join(hosts), style, taken=len(badge) + 2), "bold", style)
        title = _columns([(style.paint(badge, "unreachable"), names)], "")
        yield "\n".join([*title, *_indented(_wrap(message, style, taken=4))])


def _worst_first(hosts: Iterable[HostResult], shown: dict[str, tuple[Finding, ...]]) -> list[str]:
    """Sort host names by the rank of their worst finding, the number of findings of that rank, and name."""

    def urgency(host: HostResult) -> tuple[int, int, int, str]:
        ranks = [_rank(finding) for finding in shown.get(host.host, ())]
        worst = min(ranks, default=(len(_VERDICT_ORDER), 0))
        return (*worst, -ranks.count(worst), host.host)

    return [host.host for host in sorted(hosts, key=urgency)]


def _host(name: str, findings: Sequence[Finding], report: Report, style: Style) -> str:
    """Render one host, or the fleet: a line with its name and counts, then its entries, the worst first."""
    counts = [(verdict, sum(finding.verdict is verdict for finding in findings)) for verdict in _VERDICT_ORDER]
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts if count)
    entries = [*_entries(findings, report.run.started_at, style), *_listing(findings, style)]
    return "\n\n".join([f"{style.paint(name, 'bold')}: {summary}", *entries])


def _ok(hosts: Sequence[str], style: Style) -> Iterator[str]:
    """Render the names of the hosts that are as expected."""
    if hosts:
        names = "\n".join(_wrap(" ".join(hosts), style, taken=len("ok  ")))
        yield "\n".join(_columns([(style.paint("ok", "ok"), names)], ""))


# --- findings --------------------------------------------------------------------------------------------------


def _rank(finding: Finding) -> tuple[int, int]:
    return _VERDICT_ORDER.index(finding.verdict), _SEVERITIES.index(finding.severity)


def _entries(findings: Iterable[Finding], now: str, style: Style) -> Iterator[str]:
    """Render an entry for each drift, and one for all unknown findings with the same reason."""
    detailed = [finding for finding in findings if finding.verdict in (Verdict.DRIFT, Verdict.UNKNOWN)]
    causes: dict[str, list[Finding]] = {}
    for finding in sorted(detailed, key=_rank):
        cause = finding.message if finding.verdict is Verdict.UNKNOWN else finding.id
        causes.setdefault(cause, []).append(finding)
    for same_cause in causes.values():
        yield _entry(same_cause, now, style)


def _entry(findings: Sequence[Finding], now: str, style: Style) -> str:
    """Render one finding, or several of one cause: title, message, then details in aligned columns."""
    first, single = findings[0], len(findings) == 1
    badge = f"{first.verdict.upper()} {first.severity}"
    title = f"{first.check}  {first.subject}" if single else f"{len(findings)} checks, one cause"
    names = _painted(_wrap(title, style, taken=len(_INDENT + badge) + 2, lines=_MAX_LINES), "bold", style)
    details = {
        "checks": "" if single else _join_unique(sorted(finding.check for finding in findings)),
        "subjects": "" if single else _join_unique(finding.subject for finding in findings),
        "expected": first.expected if single else "",
        "observed": first.observed,
        "since": _since(findings, now),
        "source": _sources(finding.source for finding in findings),
        "fix": first.fix or "",
        "id": first.id if single else "",
    }
    rows = [(style.paint(name, "dim"), _cell(name, text, style)) for name, text in details.items() if text]
    return "\n".join(
        [
            *_columns([(style.paint(badge, tone(first.verdict, first.severity)), names)], _INDENT),
            *_indented(_wrap(first.message, style, taken=4, lines=_MAX_LINES)),
            *_columns(rows, _INDENT * 2),
        ]
    )


def _listing(findings: Sequence[Finding], style: Style) -> Iterator[str]:
    """Render what is waived or ok: a row per verdict, check and waiver, with the subjects."""
    listed = [finding for finding in findings if finding.verdict in (Verdict.WAIVED, Verdict.OK)]
    rows: dict[tuple[Verdict, str, Waiver | None], list[str]] = {}
    for finding in sorted(listed, key=lambda finding: (_VERDICT_ORDER.index(finding.verdict), finding.check)):
        rows.setdefault((finding.verdict, finding.check, finding.waiver), []).append(finding.subject)
    if rows:
        taken = len(_INDENT + "waived    ") + max(len(check) for _, check, _ in rows)
        yield "\n".join(
            _columns(
                [
                    (
                        style.paint(verdict, tone(verdict, Severity.INFO)),
                        check,
                        "\n".join(_wrapped([", ".join(subjects), *_waiver_note(waiver)], style, taken)),
                    )
                    for (verdict, check, waiver), subjects in rows.items()
                ],
                _INDENT,
            )
        )


def _waiver_note(waiver: Waiver | None) -> Iterator[str]:
    if waiver:
        yield f"until {waiver.expires} by {waiver.accepted_by}"


def _since(findings: Iterable[Finding], now: str) -> str:
    """Format when the oldest of `findings` was first seen, and its age; empty without history."""
    oldest = min((finding.first_seen for finding in findings if finding.first_seen), default=None)
    return f"{moment(oldest)} ({age(oldest, now)})" if oldest else ""


def _join_unique(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(texts))


def _sources(sources: Iterable[str]) -> str:
    """Join file:line places, with each file named once: `expected/hosts/x.yaml:3, 4, 9`."""
    files: dict[str, set[int]] = {}
    for source in sources:
        file, _, line = source.rpartition(":")
        files.setdefault(file, set()).add(int(line))
    return ", ".join(f"{file}:{', '.join(map(str, sorted(lines)))}" for file, lines in files.items())


# --- text ------------------------------------------------------------------------------------------------------


def _cell(name: str, text: str, style: Style) -> str:
    """Wrap a detail to its column. A command stays on one line, so that it can be copied."""
    if name == "fix":
        return text
    lines = _MAX_LINES if name in ("expected", "observed") else None
    return "\n".join(_wrap(text, style, taken=len(_INDENT * 2 + "expected  "), lines=lines))


def _wrap(text: str, style: Style, *, taken: int = 0, lines: int | None = None) -> list[str]:
    """Wrap `text` to the width minus `taken` columns, into at most `lines` lines."""
    return textwrap.wrap(
        text,
        max(_MIN_WIDTH, style.width) - taken,
        break_on_hyphens=False,
        max_lines=lines,
        placeholder=" ... (json has more)",
    )


def _wrapped(texts: Iterable[str], style: Style, taken: int) -> Iterator[str]:
    return (line for text in texts for line in _wrap(text, style, taken=taken))


def _painted(lines: Iterable[str], color: str, style: Style) -> str:
    return "\n".join(style.paint(line, color) for line in lines)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"{_INDENT * 2}{line}" for line in lines)


def _columns(rows: Sequence[Sequence[str]], indent: str) -> Iterator[str]:
    table = tabulate(rows, tablefmt="plain", disable_numparse=True)
    return (f"{indent}{line}".rstrip() for line in table.splitlines())


# --- counts ----------------------------------------------------------------------------------------------------


def _summary(report: Report, style: Style) -> str:
    """Render the counts of all verdicts, after a highlighted line if the run was interrupted."""
    total, audited, checks = len(report.hosts), len(report.hosts) - report.unreachable, len(report.findings)
    counts = [
        style.paint(text, color) if count else text
        for verdict, color in (("ok", "ok"), ("drift", "critical"), ("unknown", "unknown"), ("waived", "dim"))
        if (count := report.count(Verdict(verdict))) or verdict != "waived"
        for text in [f"{count} {verdict}"]
    ]
    line = f"{audited} of {_pluralize(total, 'host')}, {_pluralize(checks, 'check')}: {', '.join(counts)}"
    if report.run.complete:
        return line
    incomplete = f"INCOMPLETE: interrupted after {report.run.duration_seconds:.1f} s"
    return f"{style.paint(incomplete, 'unreachable')}\n{line}"


def _pluralize(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
