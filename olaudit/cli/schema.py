"""`olaudit schema`: the JSON Schema of what olaudit reads and writes."""

from __future__ import annotations

import json

import click

from olaudit.cli.fleet_audit import Tools
from olaudit.cli.output import emit
from olaudit.expected import schema as expected_schema
from olaudit.render.document import Document


@click.command(short_help="Print the JSON Schema of the expected files, or of the report.")
@click.argument("what", type=click.Choice(["expected", "report"]), default="expected")
@click.pass_obj
def schema(tools: Tools, what: str) -> None:
    """Print the JSON Schema of the expected files, or of the report as JSON.

    \b
    Examples:
      olaudit schema > expected.schema.json
      olaudit schema report
    """  # noqa: D301 - click reads the backspace itself
    found = (
        expected_schema(tools.checkers) if what == "expected" else Document.model_json_schema(mode="serialization")
    )
    emit(json.dumps(found, indent=2) + "\n")
