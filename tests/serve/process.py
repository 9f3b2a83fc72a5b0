"""`olaudit serve` as a process of its own, over the simulated fleet."""

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
    """Run a real process on a free port. It looks no name up: there is no resolver to ask here."""
    command = [sys.executable, "-m", "olaudit", "serve", "-e", str(SHIPPED), "--ssh-config", str(ssh_config)]
    process = subprocess.Popen(
        [*command, "--listen", "127.0.0.1:0", "--skip", "dns.*,postgres.*", *arguments],
        stderr=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stderr
    try:
        line = process.stderr.readline()
        found = re.match(r"olaudit: listening on http://127\.0\.0\.1:(\d+); 14 hosts, ", line)
        assert found, line
        yield process, int(found[1])
    finally:
        process.kill()
        process.communicate()
