"""`olaudit serve` as a separate process, over the simulated fleet."""

from __future__ import annotations

import importlib.resources
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHIPPED = Path(str(importlib.resources.files("olaudit"))) / "shipped"
ROOT = Path(__file__).parents[2]


@contextmanager
def serving(ssh_config: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a real process on a free port. It skips checks that need a resolver, which tests do not have."""
    command = [sys.executable, "-m", "olaudit", "serve", "-e", str(SHIPPED), "--ssh-config", str(ssh_config)]
    process = subprocess.Popen(
        [*command, "--listen", "127.0.0.1:0", "--skip", "dns.*,postgres.*", *arguments],
        stderr=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stderr
    try:
        line = process.stderr.readline()
        match = re.match(r"olaudit: listening on http://127\.0\.0\.1:(\d+); 14 hosts, ", line)
        assert match, line
        yield process, int(match[1])
    finally:
        process.kill()
        process.communicate()
