from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.cli.killing import BETWEEN

ROOT = Path(__file__).parents[2]


def test_a_report_killed_at_any_moment_leaves_everything_whole_and_the_next_run_goes_on(expected: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.killing", str(expected.parent)],
        cwd=ROOT,
        env={**os.environ, "OLAUDIT_EXPECTED": str(expected)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    lines = done.stdout.splitlines()
    assert sum(line.startswith("step ") for line in lines) > 30, "too few steps were seen to mean anything"
    assert sum(line.startswith("moment ") for line in lines) == BETWEEN
