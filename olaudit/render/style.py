"""Display options of a report: the command sets them, renderers apply them."""

import textwrap
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tabulate import tabulate

from olaudit.checker import AnyChecker
from olaudit.model import Finding, Report, Verdict

MIN_WIDTH = 60
"""Columns that text takes at least: in fewer, labels leave too little space for it."""

_COLORS = {
    "critical": "1;31",  # bold red
    "unreachable": "1;37;41",  # bold white on red: no other tone looks like this
    "warning": "33",
    "info": "36",
    "unknown": "35",
    "ok": "32",
    "waived": "2",
    "bold": "1",
    "dim": "2",
}


class Limit(NamedTuple):
    """The maximum number of lines of one text (None: any), and the end of a text that has more."""

    lines: int | None = None
    placeholder: str = " ..."


UNLIMITED = Limit()
BRIEF = Limit(3)
"""The limit of a message in a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Display options: `color` enables ANSI colours, `width` is in columns, `all` includes ok findings.

    `checkers` describe the checks, for formats that have a description of each.
    """

    color: bool = False
    width: int = 80
    all: bool = False
    checkers: Sequence[AnyChecker] = ()

    def select_findings(self, report: Report) -> tuple[Finding, ...]:
        """Select the findings to show: all of them, or those that are not ok."""
        return tuple(finding for finding in report.findings if self.all or finding.verdict is not Verdict.OK)

    def paint(self, text: str, tone: str) -> str:
        """Colour `text` in one of the tones above, if colours are enabled."""
        return f"\x1b[{_COLORS[tone]}m{text}\x1b[0m" if self.color and text else text

    def wrap(
        self, text: str, *, indent: str = "", hanging: str = "", taken: int = 0, limit: Limit = UNLIMITED
    ) -> list[str]:
        """Wrap `text` to the width minus `taken` columns; indent all lines, and all but the first by `hanging`."""
        return textwrap.wrap(
            text,
            max(MIN_WIDTH, self.width) - taken,
            initial_indent=indent,
            subsequent_indent=indent + hanging,
            break_on_hyphens=False,
            max_lines=limit.lines,
            placeholder=limit.placeholder,
        )

    def block(self, title: str, lines: Iterable[str], *, note: str = "") -> Iterator[str]:
        """Join a bold title, a note in the same line, and lines; nothing if there are no lines."""
        if body := list(lines):
            yield "\n".join([self.paint(title, "bold") + note, *body])

    def heading(
        self, badge: str, tone: str, title: str, *, indent: str = "", limit: Limit = UNLIMITED
    ) -> list[str]:
        """Lay out the first lines of an entry: a badge, and a bold title that is wrapped beside it."""
        lines = self.wrap(title, taken=len(f"{indent}{badge}  "), limit=limit)
        return columns(
            [(self.paint(badge, tone), "\n".join(self.paint(line, "bold") for line in lines))], indent=indent
        )


def columns(rows: Sequence[Sequence[str]], *, indent: str = "  ", right: Container[int] = ()) -> list[str]:
    """Align rows in columns; the columns of indexes `right` to the right. A cell can have several lines."""
    alignment = ["right" if column in right else "left" for column in range(len(rows[0]))] if rows else None
    table = tabulate(rows, tablefmt="plain", disable_numparse=True, colalign=alignment)
    return [f"{indent}{line}".rstrip() for line in table.splitlines()]
