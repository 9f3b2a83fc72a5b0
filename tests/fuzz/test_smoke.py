"""A few inputs for every target, the same each time. `python -m tests.fuzz TARGET` tries more."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import main
from tests.fuzz.loop import TARGETS, plain


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_of_the_fuzzer_fails(target: str) -> None:
    outcome = plain(target, seconds=30, seed=9, most=300)
    assert outcome.failures == {}
    assert outcome.executions


def test_one_command_runs_a_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["frames", "--plain", "--seconds", "0.1"]) == 0
    assert "executions, 0 kinds of failures" in capsys.readouterr().out
