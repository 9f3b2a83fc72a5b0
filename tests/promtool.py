"""Runner of promtool (Debian's package `prometheus`)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def promtool(*arguments: str | Path, stdin: str = "") -> str:
    """Run promtool and return its output; fail on errors.

    If it is not installed, the test is skipped, or fails with OLAUDIT_REQUIRE_FLEET=1.
    """
    if not shutil.which("promtool"):
        reason = "promtool is not installed (Debian's package prometheus)"
        if os.environ.get("OLAUDIT_REQUIRE_FLEET") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    process = subprocess.run(["promtool", *arguments], input=stdin, capture_output=True, text=True, check=False)
    output = process.stdout + process.stderr
    assert process.returncode == 0, output
    return output
