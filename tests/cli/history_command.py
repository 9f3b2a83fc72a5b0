"""Helpers of the tests of `olaudit history` and `olaudit compare`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from olaudit.cli import main
from tests.cli.fleet import tools
from tests.history.run_builder import write_five_runs

Capture = pytest.CaptureFixture[str]

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def write_reports(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create the default reports' folder in `folder`, with a history of five runs, and change to `folder`."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    return write_five_runs(folder / "reports")


def run(capsys: Capture, *arguments: str) -> str:
    """Run a command that succeeds; return its output."""
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert all(line == line.rstrip() for line in captured.out.splitlines())
    return captured.out


def run_json(capsys: Capture, *arguments: str) -> Any:
    """Run a command with `-f json`; validate its output against the command's schema."""
    document = json.loads(run(capsys, *arguments, "-f", "json"))
    Draft202012Validator(schema(capsys, arguments[0])).validate(document)
    return document


def schema(capsys: Capture, command: str) -> Any:
    """Return the output of `olaudit schema COMMAND`."""
    assert main(["schema", command], tools({})) == 0
    return json.loads(capsys.readouterr().out)


def assert_only_colours_differ(capsys: Capture, *arguments: str) -> None:
    plain = run(capsys, *arguments)
    coloured = run(capsys, *arguments, "--color", "always")
    assert coloured != plain
    assert _COLOUR.sub("", coloured) == plain
