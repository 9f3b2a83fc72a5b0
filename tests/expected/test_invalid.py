"""Invalid host files. Each file in invalid/ is a toy1.yaml; the first lines state its problems, after `#!`."""

from pathlib import Path

import pytest

from tests.expected.toys import problems

CASES = sorted((Path(__file__).parent / "invalid").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_invalid_host_file_has_exactly_the_expected_problems(case: Path, tmp_path: Path) -> None:
    text = case.read_text()
    expected = [line.removeprefix("#! ") for line in text.splitlines() if line.startswith("#! ")]
    assert expected
    actual = problems(tmp_path, {"hosts/toy1.yaml": text})
    assert [problem.removeprefix("hosts/toy1.yaml:") for problem in actual] == expected
