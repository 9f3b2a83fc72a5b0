"""Reports that were written earlier: reading one back, and finding a finding in it by what somebody typed."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from olaudit.cli.naming import SHORTEST, digits_of, the_one
from olaudit.errors import UsageError
from olaudit.files import MAX_DATA_BYTES, read_regular
from olaudit.render.document import Document, FindingPart

LATEST = "latest.json"
"""What the last of them is called there, as JSON."""


def read_report(file: Path) -> Document:
    """Read a report that `-o json=FILE` or `olaudit report` wrote.

    Raises UsageError where there is none, or it is something else.
    """
    try:
        text = read_regular(file, MAX_DATA_BYTES)
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
    if (digits := digits_of(text)) is None:
        raise UsageError(
            f"{text!r} is no finding's id: {SHORTEST} to 12 hex digits make one",
            "each finding in a report has its id",
        )
    if (found := the_one(document.findings, digits)) is None:
        raise UsageError(
            f"no finding in the report of {document.run.started_at} has the id {digits}",
            "what is ok is only in reports that were written with --all",
        )
    return found
