"""Run an audit in a separate process and measure it from outside."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.auditing import peak_mib
from tests.faults.row import AuditorSetup
from tests.faults.scene import Scene

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 12.0
"""How long a process may exceed its deadline before it is killed, so that the excess is measured."""

KILL_MIB = 1500.0
"""A process that uses this much memory is killed, to protect other processes of the machine."""


@dataclass(frozen=True)
class Measurement:
    """Measurement of a run. `seconds` is the time from loaded modules to the end of the process."""

    code: int | None
    seconds: float
    peak_mib: float
    threads: tuple[str, ...]
    report: dict[str, Any]
    stderr: str
    killed: str = ""


def audit(scene: Scene, setup: AuditorSetup, timeout: float) -> Measurement:
    """Audit all hosts of a scene."""
    record, out, err = (scene.folder / name for name in ("measured.json", "stdout", "stderr"))
    formats = ("-f", "json", "--all") if setup.command == "check" else ()
    arguments = [
        setup.command, "-e", str(scene.expected), "--ssh-config", str(scene.ssh_config),
        "--timeout", f"{timeout:g}", "-j", "64", *formats, *setup.arguments,
    ]  # fmt: skip
    command = [sys.executable, "-m", "tests.faults.auditing", str(record), *arguments]
    if setup.prelude:
        command = ["unshare", "--mount", "sh", "-ec", f"{setup.prelude}\nexec {shlex.join(command)}"]
    record.unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in ("SSH_AUTH_SOCK", "NO_COLOR")}
    environment |= {"HOME": str(scene.folder), "PYTHONDEVMODE": "", **dict(setup.environment)}
    with (setup.stdout or out).open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, cwd=ROOT, env=environment)
        killed = _watch(process, record, setup, timeout)
    ended = time.monotonic()
    measured = _read(record)
    return Measurement(
        code=process.returncode,
        seconds=round(ended - measured.get("began", ended), 2),
        peak_mib=measured.get("peak_mib", 0.0),
        threads=tuple(measured.get("threads", ())),
        report=_read(out),
        stderr=err.read_text(encoding="utf-8", errors="replace"),
        killed=killed,
    )


def _watch(process: subprocess.Popen[bytes], record: Path, setup: AuditorSetup, timeout: float) -> str:
    """Wait for the end of a process. Kill it if it exceeds time or memory, and return the reason."""
    interrupt = setup.interrupt_after
    began = 0.0
    started = time.monotonic()
    while process.poll() is None:
        time.sleep(0.02)
        began = began or _read(record).get("began", 0.0)
        now = time.monotonic()
        with suppress(OSError):
            if (peak := peak_mib(process.pid)) > KILL_MIB:
                process.kill()
                process.wait()
                return f"killed at {peak:.0f} MiB"
        if began and interrupt is not None and now > began + interrupt:
            process.send_signal(signal.SIGINT)
            interrupt = None
        if now > (began or started + 20) + timeout + PATIENCE_SECONDS:
            process.kill()
            process.wait()
            return "killed: it did not end"
    return ""


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
