"""Each file in invalid/ is a host file, toy1.yaml; what must be said of it stands at its top, after `#!`."""

from pathlib import Path

import pytest

from tests.expected.toys import problems

CASES = sorted((Path(__file__).parent / "invalid").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_an_invalid_host_file_is_refused_in_exactly_these_words(case: Path, tmp_path: Path) -> None:
    text = case.read_text()
    wanted = [line.removeprefix("#! ") for line in text.splitlines() if line.startswith("#! ")]
    assert wanted
    assert [
        said.removeprefix("hosts/toy1.yaml:") for said in problems(tmp_path, {"hosts/toy1.yaml": text})
    ] == wanted
