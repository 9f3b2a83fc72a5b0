"""The report for people in an outage: the worst hosts first, one cause one entry, what is fine in one line.

The last line counts everything, what could not be looked at too, so that it can be read alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from tabulate import tabulate

from olaudit.model import FLEET, Failure, Finding, HostResult, Report, Severity, Verdict, Waiver
from olaudit.render.ages import age, moment
from olaudit.render.style import Style, tone

_NARROWEST = 60  # in anything narrower, columns leave no room for text
_LONGEST = 5  # lines that one value may take: people in an outage read the beginning, programs read json
_INDENT = "  "
_SEVERITIES = tuple(Severity)
_LOUDNESS = (Verdict.DRIFT, Verdict.UNKNOWN, Verdict.WAIVED, Verdict.OK)


def render(report: Report, style: Style) -> str:
    """Give the table, which is one only where columns help."""
    shown = {host: tuple(found) for host, found in groupby(style.shows(report), key=lambda found: found.host)}
    failed = [(host.failure, host.host) for host in report.hosts if host.failure]
    reached = [host for host in report.hosts if not host.failure]
    blocks = [
        *_failures(failed, style),
        *(
            _host(name, shown[name], report, style)
            for name in [*_worst_first(reached, shown), FLEET]
            if name in shown
        ),
        *_fine([host.host for host in reached if host.host not in shown], style),
        _summary(report, style),
    ]
    return "\n\n".join(blocks) + "\n"


# --- hosts -----------------------------------------------------------------------------------------------------


def _failures(failed: Iterable[tuple[Failure, str]], style: Style) -> Iterator[str]:
    """Show the hosts nobody could look at, those with one and the same cause together."""
    causes: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for failure, host in failed:
        # the same but for the host's own name is one cause: a jump host that is down is one entry, not fourteen
        cause = (failure.reason, failure.message.replace(host, "<host>"))
        causes.setdefault(cause, []).append((host, failure.message))
    for (reason, general), failures in causes.items():
        hosts = [host for host, _ in failures]
        message = failures[0][1] if len(failures) == 1 else general
        badge = f"NOT AUDITED ({reason})"
        names = _painted(_wrap(" ".join(hosts), style, taken=len(badge) + 2), "bold", style)
        head = _columns([(style.paint(badge, "unreachable"), names)], "")
        yield "\n".join([*head, *_indented(_wrap(message, style, taken=4))])


def _worst_first(hosts: Iterable[HostResult], shown: dict[str, tuple[Finding, ...]]) -> list[str]:
    """Sort hosts' names by their most urgent finding, then by how many there are of it, then by name."""

    def urgency(host: HostResult) -> tuple[int, int, int, str]:
        ranks = [_rank(found) for found in shown.get(host.host, ())]
        worst = min(ranks, default=(len(_LOUDNESS), 0))
        return (*worst, -ranks.count(worst), host.host)

    return [host.host for host in sorted(hosts, key=urgency)]


def _host(name: str, findings: Sequence[Finding], report: Report, style: Style) -> str:
    """Show one host, or the fleet: a line with its name and counts, then its entries, the worst first."""
    counts = [(verdict, sum(found.verdict is verdict for found in findings)) for verdict in _LOUDNESS]
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts if count)
    entries = [*_entries(findings, report.run.started_at, style), *_listing(findings, style)]
    return "\n\n".join([f"{style.paint(name, 'bold')}: {said}", *entries])


def _fine(hosts: Sequence[str], style: Style) -> Iterator[str]:
    """Show the hosts that are as expected, in one short line."""
    if hosts:
        names = "\n".join(_wrap(" ".join(hosts), style, taken=len("ok  ")))
        yield "\n".join(_columns([(style.paint("ok", "ok"), names)], ""))


# --- findings --------------------------------------------------------------------------------------------------


def _rank(finding: Finding) -> tuple[int, int]:
    return _LOUDNESS.index(finding.verdict), _SEVERITIES.index(finding.severity)


def _entries(findings: Iterable[Finding], now: str, style: Style) -> Iterator[str]:
    """Show drift one by one, and what is unknown for one and the same reason as one entry."""
    loud = [found for found in findings if found.verdict in (Verdict.DRIFT, Verdict.UNKNOWN)]
    causes: dict[str, list[Finding]] = {}
    for found in sorted(loud, key=_rank):
        causes.setdefault(found.message if found.verdict is Verdict.UNKNOWN else found.id, []).append(found)
    for same in causes.values():
        yield _entry(same, now, style)


def _entry(same: Sequence[Finding], now: str, style: Style) -> str:
    """Show one finding, or several of one cause: what, in one sentence, then its details in aligned columns."""
    first, alone = same[0], len(same) == 1
    badge = f"{first.verdict.upper()} {first.severity}"
    what = f"{first.check}  {first.subject}" if alone else f"{len(same)} checks, one cause"
    names = _painted(_wrap(what, style, taken=len(_INDENT + badge) + 2, lines=_LONGEST), "bold", style)
    details = {
        "checks": "" if alone else _listed(sorted(found.check for found in same)),
        "subjects": "" if alone else _listed(found.subject for found in same),
        "expected": first.expected if alone else "",
        "observed": first.observed,
        "since": _since(same, now),
        "source": _sources(found.source for found in same),
        "fix": first.fix or "",
        "id": first.id if alone else "",
    }
    rows = [(style.paint(name, "dim"), _cell(name, text, style)) for name, text in details.items() if text]
    return "\n".join(
        [
            *_columns([(style.paint(badge, tone(first.verdict, first.severity)), names)], _INDENT),
            *_indented(_wrap(first.message, style, taken=4, lines=_LONGEST)),
            *_columns(rows, _INDENT * 2),
        ]
    )


def _listing(findings: Sequence[Finding], style: Style) -> Iterator[str]:
    """Show what is waived or ok: a row per check, and waiver, which names its subjects."""
    quiet = [found for found in findings if found.verdict in (Verdict.WAIVED, Verdict.OK)]
    rows: dict[tuple[Verdict, str, Waiver | None], list[str]] = {}
    for found in sorted(quiet, key=lambda found: (_LOUDNESS.index(found.verdict), found.check)):
        rows.setdefault((found.verdict, found.check, found.waiver), []).append(found.subject)
    if rows:
        taken = len(_INDENT + "waived    ") + max(len(check) for _, check, _ in rows)
        yield "\n".join(
            _columns(
                [
                    (
                        style.paint(verdict, tone(verdict, Severity.INFO)),
                        check,
                        "\n".join(_wrapped([", ".join(subjects), *_accepted(waiver)], style, taken)),
                    )
                    for (verdict, check, waiver), subjects in rows.items()
                ],
                _INDENT,
            )
        )


def _accepted(waiver: Waiver | None) -> Iterator[str]:
    if waiver:
        yield f"until {waiver.expires} by {waiver.accepted_by}"


def _since(same: Iterable[Finding], now: str) -> str:
    """Say how old findings of one cause are, where history knows; the oldest speaks for all."""
    oldest = min((found.first_seen for found in same if found.first_seen), default=None)
    return f"{moment(oldest)} ({age(oldest, now)})" if oldest else ""


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(texts))


def _sources(sources: Iterable[str]) -> str:
    """Join places, naming each file once: `expected/hosts/x.yaml:3, 4, 9`."""
    files: dict[str, set[int]] = {}
    for source in sources:
        file, _, line = source.rpartition(":")
        files.setdefault(file, set()).add(int(line))
    return ", ".join(f"{file}:{', '.join(map(str, sorted(lines)))}" for file, lines in files.items())


# --- text ------------------------------------------------------------------------------------------------------


def _cell(name: str, text: str, style: Style) -> str:
    """Fit a detail into its column. A command stays on one line: what is pasted must be whole."""
    if name == "fix":
        return text
    lines = _LONGEST if name in ("expected", "observed") else None
    return "\n".join(_wrap(text, style, taken=len(_INDENT * 2 + "expected  "), lines=lines))


def _wrap(text: str, style: Style, *, taken: int = 0, lines: int | None = None) -> list[str]:
    """Break `text` into lines that fit beside the columns `taken`, at most so many; at words where it can."""
    return textwrap.wrap(
        text,
        max(_NARROWEST, style.width) - taken,
        break_on_hyphens=False,
        max_lines=lines,
        placeholder=" ... (json has more)",
    )


def _wrapped(texts: Iterable[str], style: Style, taken: int) -> Iterator[str]:
    return (line for text in texts for line in _wrap(text, style, taken=taken))


def _painted(lines: Iterable[str], tone_: str, style: Style) -> str:
    return "\n".join(style.paint(line, tone_) for line in lines)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"{_INDENT * 2}{line}" for line in lines)


def _columns(rows: Sequence[Sequence[str]], indent: str) -> Iterator[str]:
    table = tabulate(rows, tablefmt="plain", disable_numparse=True)
    return (f"{indent}{line}".rstrip() for line in table.splitlines())


# --- counts ----------------------------------------------------------------------------------------------------


def _summary(report: Report, style: Style) -> str:
    """Count everything in the last line; before it, say loudly when the run is not a whole one."""
    total, audited, checks = len(report.hosts), len(report.hosts) - report.unreachable, len(report.findings)
    counts = [
        style.paint(text, tone_) if count else text
        for verdict, tone_ in (("ok", "ok"), ("drift", "critical"), ("unknown", "unknown"), ("waived", "dim"))
        if (count := report.count(Verdict(verdict))) or verdict != "waived"
        for text in [f"{count} {verdict}"]
    ]
    line = f"{audited} of {_number(total, 'host')}, {_number(checks, 'check')}: {', '.join(counts)}"
    if report.run.complete:
        return line
    loud = f"INCOMPLETE: interrupted after {report.run.duration_seconds:.1f} s"
    return f"{style.paint(loud, 'unreachable')}\n{line}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
