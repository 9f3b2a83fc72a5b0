from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.kill_runs import TIMED_KILLS

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_killed_report_leaves_complete_files(expected: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "tests.cli.kill_runs", str(expected.parent)],
        cwd=ROOT,
        env={**os.environ, "OLAUDIT_EXPECTED": str(expected)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == 0, process.stdout[-500:] + process.stderr
    lines = process.stdout.splitlines()
    assert sum(line.startswith("step ") for line in lines) > 30, "too few steps were recorded"
    assert sum(line.startswith("delay ") for line in lines) == TIMED_KILLS
