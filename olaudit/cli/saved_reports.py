"""Saved JSON reports: reading one, and finding a finding in it by its id."""

from pathlib import Path

from pydantic import ValidationError

from olaudit.cli.finding_ids import MIN_DIGITS, find_by_prefix, parse_id_prefix
from olaudit.errors import UsageError
from olaudit.files import MAX_DATA_BYTES, read_regular
from olaudit.render.document import Document, FindingPart

LATEST = "latest.json"
"""The name of the last JSON report in the reports' folder."""


def read_report(file: Path) -> Document:
    """Read a report that `-o json=FILE` or `olaudit report` wrote.

    Raises UsageError if the file is missing, unreadable, or not such a report.
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
        path = ".".join(map(str, first["loc"]))
        problem = f"{path}: {first['msg']}" if path else first["msg"]
        raise UsageError(f"{file} is not a JSON report of this olaudit: {problem}", _HINT) from None


_HINT = "write one with `olaudit check -o json=FILE`, and name it with --report FILE"


def find_finding(document: Document, text: str) -> FindingPart:
    """Find the finding whose id is, or begins with, `text`. Raises UsageError if none or several match."""
    if (prefix := parse_id_prefix(text)) is None:
        raise UsageError(
            f"{text!r} is not a finding id: expected {MIN_DIGITS} to 12 hex digits",
            "the report contains the id of each finding",
        )
    if (finding := find_by_prefix(document.findings, prefix)) is None:
        raise UsageError(
            f"no finding in the report of {document.run.started_at} has the id {prefix}",
            "findings that are ok are only in reports written with --all",
        )
    return finding
