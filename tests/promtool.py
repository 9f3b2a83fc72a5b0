"""Prometheus' own checker (Debian's package `prometheus`), where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def promtool(*arguments: str | Path, stdin: str = "") -> str:
    """Run it, and give what it says; fails if it complains, or if it is missing where nothing may be left out."""
    if not shutil.which("promtool"):
        reason = "promtool is not installed (Debian's package prometheus)"
        if os.environ.get("OLAUDIT_REQUIRE_FLEET") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    ran = subprocess.run(["promtool", *arguments], input=stdin, capture_output=True, text=True, check=False)
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0, said
    return said
