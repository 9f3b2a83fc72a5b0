"""Test of the public interface: the names that users' scripts, dashboards and cron jobs depend on.

`public_interface.json` lists them. A change of a name in it breaks users, and needs an entry in CHANGELOG.md. Run
`python -m tests.test_public_interface` to rewrite the list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from olaudit.checks import CHECKERS, check_ids
from olaudit.cli.program import program
from olaudit.expected import schema
from olaudit.model import Verdict
from olaudit.render.document import Document
from olaudit.render.prometheus.collector import ReportCollector
from tests.values import RUN, finding, host_result, report

LIST = Path(__file__).with_name("public_interface.json")


def _options(command: click.Command) -> dict[str, Any]:
    return {
        (" ".join(param.opts) if isinstance(param, click.Option) else f"{param.name} (argument)"): sorted(
            param.type.choices
        )
        if isinstance(param.type, click.Choice)
        else param.type.name
        for param in command.params
    }


def _exit_codes() -> list[int]:
    _, _, codes = (program.help or "").partition("Exit codes:")
    return [int(code) for code in re.findall(r"^ +(\d+)  ", codes, re.MULTILINE)]


def _metrics() -> Iterator[tuple[str, list[str]]]:
    drift = finding(first_seen=RUN.started_at)
    for family in ReportCollector(report([drift], [host_result(verdict=Verdict.DRIFT)])).collect():
        yield family.name, list(getattr(family, "_labelnames", ()))


def _keys(node: Any, path: str = "") -> Iterator[str]:
    """Yield the keys of a JSON Schema, as paths below its root or below a definition, without its name."""
    if isinstance(node, dict):
        for name, inner in node.get("properties", {}).items():
            yield f"{path}.{name}"
            yield from _keys(inner, f"{path}.{name}")
        for key, inner in node.items():
            if key == "$defs":
                for definition in inner.values():
                    yield from _keys(definition, path)
            elif key != "properties":
                yield from _keys(inner, path)
    elif isinstance(node, list):
        for inner in node:
            yield from _keys(inner, path)


def _interface() -> dict[str, Any]:
    commands = program.commands
    return {
        "checks": {check_id: check.severity.value for check_id, check in check_ids().items()},
        "commands": {name: _options(command) for name, command in sorted(commands.items())},
        "exit codes": _exit_codes(),
        "metrics": dict(_metrics()),
        "report": sorted(set(_keys(Document.model_json_schema(mode="serialization")))),
        "expected files": sorted(set(_keys(schema(CHECKERS)))),
    }


def test_public_names_are_as_listed() -> None:
    assert _interface() == json.loads(LIST.read_text(encoding="utf-8"))


if __name__ == "__main__":
    LIST.write_text(json.dumps(_interface(), indent=1) + "\n", encoding="utf-8")
