"""The docs are true: what they take from the code is current, and what they name is there."""

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


def test_the_page_of_checks_is_current(generate: types.ModuleType) -> None:
    assert generate.CHECKS.read_text(encoding="utf-8") == generate.checks(), "run: python docs/generate.py"


def test_the_sudoers_lines_are_current(generate: types.ModuleType) -> None:
    text = generate.OPERATING.read_text(encoding="utf-8")
    assert text == generate.operating(text), "run: python docs/generate.py"


def test_the_sudoers_lines_are_valid(generate: types.ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "sudoers"
    file.write_text(generate.sudoers())
    subprocess.run(["/usr/sbin/visudo", "-cf", file], check=True, capture_output=True)


def test_every_check_says_how_it_is_collected_and_mended() -> None:
    for checker in CHECKERS:
        assert checker.collected, checker.section
    for check in (*WAIVER_CHECKS, *(check for checker in CHECKERS for check in checker.ids)):
        assert check.fix, check.id


@pytest.mark.parametrize("format_", RENDERERS)
def test_every_format_has_its_place_in_the_page_of_formats(format_: str) -> None:
    assert f"\n## {format_}\n" in (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    assert f"`{format_}`" in (ROOT / "README.md").read_text(encoding="utf-8")


PAGES = [page for page in sorted(ROOT.glob("**/*.md")) if ".venv" not in page.parts]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


THREATS = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", THREATS)))


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_every_test_that_the_threat_model_names_exists(file: str, test: str) -> None:
    assert f"def {test}" in (ROOT / file).read_text(encoding="utf-8")
