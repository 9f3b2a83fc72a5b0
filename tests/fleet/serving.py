"""`olaudit serve` as a process of its own, over the lab, and the Prometheus that scrapes it."""

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
OUTSIDE = ("--skip", "service.state,dns.*,postgres.allow-list")
"""What cannot be known in the lab: it has no init, and the resolver of a process of its own is not the fleet's."""


def without_ol_dev(folder: Path) -> Path:
    """Copy the shipped expected files, but for ol-dev, of which only the name is known."""
    expected = folder / "expected"
    shutil.copytree(EXPECTED, expected)
    (expected / "hosts" / "ol-dev.yaml").unlink()
    fleet = expected / "fleet.yaml"
    fleet.write_text(fleet.read_text(encoding="utf-8").replace("[ol-dev, ", "["), encoding="utf-8")
    return expected


@contextmanager
def serving(lab: Lab, expected: Path, interval: float) -> Iterator[str]:
    """Run `olaudit serve`; give its address as HOST:PORT. It has to end cleanly."""
    argv = [*OLAUDIT, "serve", "-e", str(expected), "--ssh-config", str(lab.ssh_config), "--timeout", "8"]
    process = subprocess.Popen(
        [*argv, "--listen", "127.0.0.1:0", "--interval", str(interval), *OUTSIDE],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    try:
        said = process.stderr.readline()
        address = re.search(r"listening on http://(\S+);", said)
        assert address, said
        yield address[1]
    finally:
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=10)[1]
    assert process.returncode == 0, rest


def hurried(folder: Path) -> list[Path]:
    """Copy the rules, to be evaluated every second; alerts fire after two."""
    copies = []
    for name in ("rules.yaml", "alerts.yaml"):
        text = (MONITORING / name).read_text(encoding="utf-8").replace("interval: 1m", "interval: 1s")
        copies.append(folder / name)
        copies[-1].write_text(re.sub(r"\bfor: \w+", "for: 2s", text), encoding="utf-8")
    return copies
