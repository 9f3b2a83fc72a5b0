"""Reports that were written earlier: reading one back, and finding a finding in it by what somebody typed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from olaudit.errors import UsageError
from olaudit.render.document import Document, FindingPart

REPORTS = Path("reports")
"""Where nightly reports are, unless told otherwise."""

LATEST = "latest.json"
"""What the last of them is called there, as JSON."""

SHORTEST = 4
"""With how few of its digits a finding may be named."""

_NAMED = 5  # findings that a hint names, when too few digits fit several


def read_report(file: Path) -> Document:
    """Read a report that `-o json=FILE` or `olaudit report` wrote.

    Raises UsageError where there is none, or it is something else.
    """
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"there is no report {file}", _HINT) from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    try:
        return Document.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "".join(f"{step}." for step in first["loc"]).removesuffix(".")
        said = f"{where}: {first['msg']}" if where else first["msg"]
        raise UsageError(f"{file} is not a JSON report of this olaudit: {said}", _HINT) from None


_HINT = "write one with `olaudit check -o json=FILE`, and name it with --report FILE"


def find_finding(document: Document, text: str) -> FindingPart:
    """Find the finding whose id is, or begins with, `text`. Raises UsageError where none or several do."""
    digits = text.strip().lower()
    if not re.fullmatch(rf"[0-9a-f]{{{SHORTEST},12}}", digits):
        raise UsageError(
            f"{text!r} is no finding's id: {SHORTEST} to 12 hex digits make one",
            "each finding in a report has its id",
        )
    fitting = {found.id: found for found in document.findings if found.id.startswith(digits)}
    if not fitting:
        raise UsageError(
            f"no finding in the report of {document.run.started_at} has the id {digits}",
            "what is ok is only in reports that were written with --all",
        )
    if len(fitting) > 1:
        raise UsageError(f"{len(fitting)} findings' ids begin with {digits}", _several(fitting.values()))
    return next(iter(fitting.values()))


def _several(fitting: Iterable[FindingPart]) -> str:
    named = [f"{found.id} ({found.host} {found.check} {found.subject})" for found in fitting]
    more = len(named) - _NAMED
    return "; ".join(named[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
