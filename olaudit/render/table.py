"""Renderer for terminals: the worst hosts first, one entry per cause, and one line for hosts that are ok.

The last line counts all verdicts, including unknown, so that it can be read on its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from olaudit.model import FLEET, Failure, Finding, Report, Verdict
from olaudit.render import view
from olaudit.render.style import Limit, Style, columns

_LIMIT = Limit(5, view.MORE)
_INDENT = "  "


def render(report: Report, style: Style) -> str:
    """Render the hosts that could not be audited, then the findings by host, then the summary."""
    shown = view.group_by_host(style.select_findings(report))
    failures = view.failures(report)
    ok = [host.host for host in report.hosts if host.host not in failures and host.host not in shown]
    hosts = [host for host in view.worst_first(shown) if host not in failures]
    blocks = [
        *_failures(failures, style),
        *(_host(host, shown[host], report, style) for host in sorted(hosts, key=lambda host: host == FLEET)),
        *_ok(ok, style),
        _summary(report, style),
    ]
    return "\n\n".join(blocks) + "\n"


# --- hosts -----------------------------------------------------------------------------------------------------


def _failures(failures: Mapping[str, Failure], style: Style) -> Iterator[str]:
    """Render the hosts that could not be audited, grouped by cause."""
    causes = view.group(
        failures, lambda host: (failures[host].reason, view.common_cause(failures[host].message, host))
    )
    for (reason, cause), hosts in causes.items():
        message = failures[hosts[0]].message if len(hosts) == 1 else cause
        title = style.heading(f"NOT AUDITED ({reason})", "unreachable", " ".join(hosts))
        yield "\n".join([*title, *style.wrap(message, indent=_INDENT * 2)])


def _host(name: str, findings: Sequence[Finding], report: Report, style: Style) -> str:
    """Render one host, or the fleet: a line with its name and counts, then its entries, the worst first."""
    entries = [*_entries(findings, report.run.started_at, style), *_listing(findings, style)]
    return "\n\n".join([f"{style.paint(name, 'bold')}: {view.format_counts(findings)}", *entries])


def _ok(hosts: Sequence[str], style: Style) -> Iterator[str]:
    """Render the names of the hosts that are as expected."""
    if hosts:
        names = "\n".join(style.wrap(" ".join(hosts), taken=len("ok  ")))
        yield "\n".join(columns([(style.paint("ok", "ok"), names)], indent=""))


# --- findings --------------------------------------------------------------------------------------------------


def _entries(findings: Iterable[Finding], now: str, style: Style) -> Iterator[str]:
    """Render an entry for each drift, and one for all unknown findings with the same reason."""
    detailed = [finding for finding in findings if finding.verdict in (Verdict.DRIFT, Verdict.UNKNOWN)]
    causes = view.group(
        sorted(detailed, key=view.rank),
        lambda finding: finding.message if finding.verdict is Verdict.UNKNOWN else finding.id,
    )
    return (_entry(same_cause, now, style) for same_cause in causes.values())


def _entry(findings: Sequence[Finding], now: str, style: Style) -> str:
    """Render one finding, or several of one cause: title, message, then details in aligned columns."""
    first, single = findings[0], len(findings) == 1
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
    badge = f"{first.verdict.upper()} {first.severity}"
    return "\n".join(
        [
            *style.heading(badge, view.tone(first), view.entry_title(findings), indent=_INDENT, limit=_LIMIT),
            *style.wrap(first.message, indent=_INDENT * 2, limit=_LIMIT),
            *columns(rows, indent=_INDENT * 2),
        ]
    )


def _cell(name: str, text: str, style: Style) -> str:
    """Wrap a detail to its column. A command stays on one line, so that it can be copied."""
    if name == "fix":
        return text
    limit = _LIMIT if name in ("expected", "observed") else Limit()
    return "\n".join(style.wrap(text, taken=len(_INDENT * 2 + "expected  "), limit=limit))


def _listing(findings: Sequence[Finding], style: Style) -> Iterator[str]:
    """Render what is waived or ok: a row per verdict, check and waiver, with the subjects."""
    listed = [finding for finding in findings if finding.verdict in (Verdict.WAIVED, Verdict.OK)]
    listed.sort(key=lambda finding: (view.VERDICT_ORDER.index(finding.verdict), finding.check))
    groups = view.group(listed, lambda finding: (finding.verdict, finding.check, finding.waiver))
    if not groups:
        return
    taken = len(_INDENT + "waived    ") + max(len(finding.check) for finding in listed)
    rows = []
    for (verdict, check, waiver), same_check in groups.items():
        note = f"until {waiver.expires} by {waiver.accepted_by}" if waiver else ""
        texts = (", ".join(finding.subject for finding in same_check), note)
        lines = [line for text in texts for line in style.wrap(text, taken=taken)]
        rows.append((style.paint(verdict, verdict), check, "\n".join(lines)))
    yield "\n".join(columns(rows))


def _since(findings: Iterable[Finding], now: str) -> str:
    """Format when the oldest of `findings` was first seen, and its age; empty without history."""
    oldest = min((finding.first_seen for finding in findings if finding.first_seen), default=None)
    return f"{view.moment(oldest)} ({view.age(oldest, now)})" if oldest else ""


def _join_unique(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(texts))


def _sources(sources: Iterable[str]) -> str:
    """Join file:line places, with each file named once: `expected/hosts/x.yaml:3, 4, 9`."""
    files: dict[str, set[int]] = {}
    for source in sources:
        file, _, line = source.rpartition(":")
        files.setdefault(file, set()).add(int(line))
    return ", ".join(f"{file}:{', '.join(map(str, sorted(lines)))}" for file, lines in files.items())


# --- counts ----------------------------------------------------------------------------------------------------


def _summary(report: Report, style: Style) -> str:
    """Render the counts of all verdicts, after a highlighted line if the run was interrupted."""
    counts = ", ".join(
        style.paint(f"{count} {verdict}", view.verdict_tone(verdict)) if count else f"0 {verdict}"
        for verdict, count in view.count_verdicts(report.findings).items()
        if count or verdict is not Verdict.WAIVED
    )
    line = f"{view.audited_hosts(report)}, {view.pluralize(len(report.findings), 'check')}: {counts}"
    if report.run.complete:
        return line
    return f"{style.paint(f'INCOMPLETE: {view.interruption(report)}', 'unreachable')}\n{line}"
