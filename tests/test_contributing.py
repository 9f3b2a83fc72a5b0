"""Tests of CONTRIBUTING.md: its example is a working checker, and its table lists all packages."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest

from olaudit.audit import audit, plan, select_checks
from olaudit.checks import CHECKERS
from olaudit.expected import load
from olaudit.model import Answer, Answered, Answers, Command, HostAnswers, Unanswered, Verdict
from tests.values import RUN

ROOT = Path(__file__).parents[1]


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Import the modules of the example under their names; return that of the checker."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    modules = []
    for name, code in zip(("facts", "checks"), re.findall(r"```python\n(.*?)```", text, re.DOTALL), strict=True):
        module = types.ModuleType(f"olaudit.{name}.timezone")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(code, "CONTRIBUTING.md", "exec"), module.__dict__)
        modules.append(module)
    return modules[1]


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answered("Etc/UTC\n"), Verdict.OK),
        (Answered("Europe/Oslo\n"), Verdict.DRIFT),
        (Answered("", "cat: /etc/timezone: No such file or directory", 1), Verdict.UNKNOWN),
        (Unanswered("command not found: cat"), Verdict.UNKNOWN),
    ],
)
def test_example_evaluates_answers(
    example: types.ModuleType, tmp_path: Path, answer: Answer, verdict: Verdict
) -> None:
    (tmp_path / "hosts").mkdir()
    (tmp_path / "fleet.yaml").write_text("name: toy\ndomain: example.org\n")
    (tmp_path / "hosts" / "a.yaml").write_text("host: a\ntimezone: Etc/UTC\n")
    checkers = (*CHECKERS, example.CHECKER)
    (host,) = load(tmp_path, checkers).hosts.values()
    selected = select_checks(checkers)
    probe = Command(("cat", "/etc/timezone"))
    assert plan(host, checkers, selected) == (probe,)
    report = audit([host], [HostAnswers("a", Answers({probe: answer}), 0.1)], checkers, selected, RUN)
    findings = {finding.check: finding for finding in report.findings}
    assert findings["host.timezone"].verdict is verdict
    assert findings["host.timezone"].source == "expected/hosts/a.yaml:2"


def test_example_documents_its_probe_and_fix(example: types.ModuleType) -> None:
    assert example.CHECKER.collected
    assert example.CHECK.fix


def test_table_of_packages_is_complete() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    _, _, text = text.partition("## Where things are")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    listed = {name.strip("/") for row in rows for name in re.findall(r"`([\w./]+)`", row.split("|")[1])}
    existing = {path.name for path in (ROOT / "olaudit").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert listed == existing - {"__init__.py", "__main__.py", "__pycache__", "shipped"}
