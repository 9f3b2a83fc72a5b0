"""Display options of a report: the command sets them, renderers apply them."""

from __future__ import annotations

from dataclasses import dataclass

from olaudit.model import Finding, Report, Severity, Verdict

_COLORS = {
    "critical": "1;31",  # bold red
    "unreachable": "1;37;41",  # bold white on red: no other tone looks like this
    "warning": "33",
    "info": "36",
    "unknown": "35",
    "ok": "32",
    "bold": "1",
    "dim": "2",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Display options: `color` enables ANSI colours, `width` is in columns, `all` includes ok findings."""

    color: bool = False
    width: int = 80
    all: bool = False

    def paint(self, text: str, tone: str) -> str:
        """Colour `text` in one of the tones above, if colours are enabled."""
        return f"\x1b[{_COLORS[tone]}m{text}\x1b[0m" if self.color and text else text

    def select_findings(self, report: Report) -> tuple[Finding, ...]:
        """Select the findings to show: all of them, or those that are not ok."""
        return tuple(finding for finding in report.findings if self.all or finding.verdict is not Verdict.OK)


def tone(verdict: Verdict, severity: Severity) -> str:
    """Return the tone of a finding: the severity of drift, else the verdict's tone."""
    tones = {Verdict.UNKNOWN: "unknown", Verdict.OK: "ok", Verdict.WAIVED: "dim"}
    return tones.get(verdict, str(severity))
