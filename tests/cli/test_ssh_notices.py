"""Unsupported directives of ssh_config cause warnings on stderr."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_each_ignored_directive_causes_one_warning(expected: Path, tmp_path: Path) -> None:
    for host in ("ol-a", "ol-b", "ol-c"):
        (expected / "hosts" / f"{host}.yaml").write_text(f"host: {host}\n")
    config = expected.parent / "ssh_config"
    config.write_text("Tag web\nHost *\n  HostName 127.0.0.1\n  Port 1\n  User auditor\n")
    argv = [sys.executable, "-m", "olaudit", "check", "ol-a", "ol-b", "--ssh-config", str(config)]
    environment = {**os.environ, "PATH": str(tmp_path)}  # contains no OpenSSH client
    process = subprocess.run(
        argv, cwd=expected.parent, capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    warning = f"olaudit: warning: {config}:1: Tag is not honoured without OpenSSH's client (ssh)\n"
    assert (process.returncode, process.stderr) == (3, warning)
