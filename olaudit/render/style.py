"""How a report is to be shown: decided by whoever prints, followed by renderers."""

from __future__ import annotations

from dataclasses import dataclass

from olaudit.model import Finding, Report, Severity, Verdict

_COLORS = {
    "critical": "1;31",  # bold red
    "unreachable": "1;37;41",  # bold white on red: nothing else looks like it
    "warning": "33",
    "info": "36",
    "unknown": "35",
    "ok": "32",
    "bold": "1",
    "dim": "2",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """`color` allows ANSI colours, `width` counts columns, `all` also shows what is as expected."""

    color: bool = False
    width: int = 80
    all: bool = False

    def paint(self, text: str, tone: str) -> str:
        """Colour `text`, in one of the tones above, where colours are wanted."""
        return f"\x1b[{_COLORS[tone]}m{text}\x1b[0m" if self.color and text else text

    def shows(self, report: Report) -> tuple[Finding, ...]:
        """Pick the findings to be shown: all of them, or those that are not ok."""
        return tuple(found for found in report.findings if self.all or found.verdict is not Verdict.OK)


def tone(verdict: Verdict, severity: Severity) -> str:
    """Choose the tone of a finding: drift by its severity, the others by their verdict."""
    tones = {Verdict.UNKNOWN: "unknown", Verdict.OK: "ok", Verdict.WAIVED: "dim"}
    return tones.get(verdict, str(severity))
