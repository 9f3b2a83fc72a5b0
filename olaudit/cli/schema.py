"""`olaudit schema`: the JSON Schema of what olaudit reads and writes."""

import json

import click
from pydantic import BaseModel

from olaudit.cli.fleet_audit import Tools
from olaudit.cli.output import emit
from olaudit.expected import schema as expected_schema
from olaudit.render.document import Document
from olaudit.render.history_document import ComparisonDocument, HistoryDocument

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DOCUMENTS: dict[str, type[BaseModel]] = {
    "report": Document,
    "compare": ComparisonDocument,
    "history": HistoryDocument,
}


@click.command(short_help="Print the JSON Schema of the expected files, of reports, or of the history.")
@click.argument("what", type=click.Choice(["expected", *_DOCUMENTS]), default="expected")
@click.pass_obj
def schema(tools: Tools, what: str) -> None:
    """Print the JSON Schema of the expected files, of the report, or of the JSON of `compare` or `history`.

    \b
    Examples:
      olaudit schema > expected.schema.json
      olaudit schema report
    """  # noqa: D301 - click reads the backspace itself
    if what == "expected":
        document = expected_schema(tools.checkers)
    else:
        document = {"$schema": _DIALECT, **_DOCUMENTS[what].model_json_schema(mode="serialization")}
    emit(json.dumps(document, indent=2) + "\n")
