"""Tests of the docs: generated text is current, and files and tests that pages refer to exist."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import types
from pathlib import Path

import pytest

from olaudit.checks import CHECKERS
from olaudit.render import RENDERERS
from olaudit.waivers import CHECKS as WAIVER_CHECKS

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def generate() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_of_checks_is_current(generate: types.ModuleType) -> None:
    assert generate.CHECKS.read_text(encoding="utf-8") == generate.checks(), "run: python docs/generate.py"


def test_sudoers_lines_are_current(generate: types.ModuleType) -> None:
    text = generate.OPERATING.read_text(encoding="utf-8")
    assert text == generate.operating(text), "run: python docs/generate.py"


def test_sudoers_lines_are_valid(generate: types.ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "sudoers"
    file.write_text(generate.sudoers())
    subprocess.run(["/usr/sbin/visudo", "-cf", file], check=True, capture_output=True)


def test_every_check_documents_its_probes_and_fix() -> None:
    for checker in CHECKERS:
        assert checker.collected, checker.section
    for check in (*WAIVER_CHECKS, *(check for checker in CHECKERS for check in checker.checks)):
        assert check.fix, check.id


@pytest.mark.parametrize("format_", RENDERERS)
def test_every_format_is_documented(format_: str) -> None:
    assert f"\n## {format_}\n" in (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    assert f"`{format_}`" in (ROOT / "README.md").read_text(encoding="utf-8")


PAGES = [page for page in sorted(ROOT.glob("**/*.md")) if ".venv" not in page.parts]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_targets_of_links_between_pages_exist(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


THREATS = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
REFERENCES = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", THREATS)))


@pytest.mark.parametrize(("file", "test"), REFERENCES)
def test_tests_that_the_threat_model_names_exist(file: str, test: str) -> None:
    assert f"def {test}" in (ROOT / file).read_text(encoding="utf-8")
