"""A few reproducible inputs for every fuzz target. `python -m tests.fuzz TARGET` runs more."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import main
from tests.fuzz.loop import TARGETS, run_plain


@pytest.mark.parametrize("target", TARGETS)
def test_target_has_no_failing_input(target: str) -> None:
    result = run_plain(target, seconds=30, seed=9, max_inputs=300)
    assert result.failures == {}
    assert result.executions


def test_command_line_runs_a_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["frames", "--plain", "--seconds", "0.1"]) == 0
    assert "executions, 0 kinds of failures" in capsys.readouterr().out
