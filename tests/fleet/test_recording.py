"""The recordings of the simulated fleet are the answers of the real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.lab import Lab
from tests.fleet.recording import RECORDINGS, record, write

# Their output depends on the files of a host, and not on the versions of its packages.
_FILE_PROGRAMS = {"cat", "cmp", "date", "df", "find", "grep", "head", "readlink", "stat", "uname"}


@pytest.fixture(scope="module")
def recorded(lab: Lab) -> dict[str, str]:
    return record(lab)


def _answers(text: str) -> list[dict[str, Any]]:
    (host,) = json.loads(text)["hosts"]
    answers: list[dict[str, Any]] = host["answers"]
    return answers


def _without_output(answer: dict[str, Any]) -> dict[str, Any]:
    argv = answer.get("shell", [""])
    # other tests may run programs in the containers, whose mounts are listed below /proc too
    has_files = argv[0] in _FILE_PROGRAMS and "/proc/" not in argv
    return {key: value for key, value in answer.items() if has_files or key not in ("stdout", "stderr")}


def test_demo_answers_as_the_hosts_of_the_lab(recorded: dict[str, str]) -> None:
    for name, text in recorded.items():
        shipped = _answers((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))
        hint = f"{name} answers otherwise: run `python -m tests.fleet record`"
        assert [_without_output(answer) for answer in shipped] == [
            _without_output(answer) for answer in _answers(text)
        ], hint


def test_second_recording_is_equal(recorded: dict[str, str], lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "ol-removed.json").touch()
    write(lab, tmp_path)
    assert {file.stem: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()} == recorded
