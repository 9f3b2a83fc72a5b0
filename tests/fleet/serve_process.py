"""`olaudit serve` as a separate process that audits the lab, and the rules for the Prometheus that scrapes it."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fleet.auditing import EXPECTED, OLAUDIT
from tests.fleet.lab import Lab

MONITORING = Path(__file__).parents[2] / "olaudit" / "monitoring"
SKIPPED_CHECKS = ("--skip", "service.state,dns.*,postgres.allow-list")
"""Checks that are unknown in the lab: it has no service manager, and a separate process has another resolver."""


def without_ol_dev(folder: Path) -> Path:
    """Copy the shipped expected files without ol-dev, which the lab does not have."""
    expected = folder / "expected"
    shutil.copytree(EXPECTED, expected)
    (expected / "hosts" / "ol-dev.yaml").unlink()
    fleet = expected / "fleet.yaml"
    fleet.write_text(fleet.read_text(encoding="utf-8").replace("[ol-dev, ", "["), encoding="utf-8")
    return expected


@contextmanager
def serving(lab: Lab, expected: Path, interval: float) -> Iterator[str]:
    """Run `olaudit serve` and yield its address as HOST:PORT. Asserts exit code 0 at its end."""
    argv = [*OLAUDIT, "serve", "-e", str(expected), "--ssh-config", str(lab.ssh_config), "--timeout", "8"]
    process = subprocess.Popen(
        [*argv, "--listen", "127.0.0.1:0", "--interval", str(interval), *SKIPPED_CHECKS],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    try:
        line = process.stderr.readline()
        address = re.search(r"listening on http://(\S+);", line)
        assert address, line
        yield address[1]
    finally:
        process.send_signal(signal.SIGTERM)
        stderr = process.communicate(timeout=10)[1]
    assert process.returncode == 0, stderr


def accelerated_rules(folder: Path) -> list[Path]:
    """Copy the rules with an evaluation interval of one second; alerts fire after two seconds."""
    copies = []
    for name in ("rules.yaml", "alerts.yaml"):
        text = (MONITORING / name).read_text(encoding="utf-8").replace("interval: 1m", "interval: 1s")
        copies.append(folder / name)
        copies[-1].write_text(re.sub(r"\bfor: \w+", "for: 2s", text), encoding="utf-8")
    return copies
